import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { Lock, Locks } from '../../src/lock.js';
import { locksOver } from '../../src/locks/locks.js';
import { memoryNode } from '../../src/locks/memory-node.js';
import type { LockNode } from '../../src/locks/node.js';
import { type LockConformanceCase, lockConformanceCases, runLockCase } from '../../src/testing/lock-conformance.js';

/** Locks with one mistake, and a case that must notice it. */
interface Mutant {
  readonly mistake: string;
  readonly noticedBy: string;
  readonly make: (node: LockNode) => Locks;
}

const right = (node: LockNode) => locksOver({ clock: systemClock, nodes: [node], scope: 'process' });

function nodeMutant(mistake: string, noticedBy: string, change: (node: LockNode) => Partial<LockNode>): Mutant {
  return { mistake, noticedBy, make: (node) => right({ ...node, ...change(node) }) };
}

function locksMutant(mistake: string, noticedBy: string, change: (locks: Locks) => Partial<Locks>): Mutant {
  const make = (node: LockNode) => {
    const locks = right(node);
    return { ...locks, ...change(locks) };
  };
  return { mistake, noticedBy, make };
}

/** Every lock that it gives is another one. */
function lockMutant(mistake: string, noticedBy: string, change: (lock: Lock) => Partial<Lock>): Mutant {
  return locksMutant(mistake, noticedBy, (locks) => {
    const changed = (lock: Lock): Lock => Object.create(lock, Object.getOwnPropertyDescriptors(bound(lock, change(lock))));
    return {
      acquire: async (...args) => changed(await locks.acquire(...args)),
      async tryAcquire(...args) {
        const lock = await locks.tryAcquire(...args);
        return lock && changed(lock);
      },
    };
  });
}

/** What is private to a lock is not to be had by what only inherits from it. */
function bound(lock: Lock, changes: Partial<Lock>): Partial<Lock> {
  return {
    get isHeld() {
      return lock.isHeld;
    },
    get signal() {
      return lock.signal;
    },
    get resource() {
      return lock.resource;
    },
    fencingToken: lock.fencingToken,
    scope: lock.scope,
    refresh: (ttl) => lock.refresh(ttl),
    release: () => lock.release(),
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
    ...changes,
  };
}

const inLine = 'who waits is served in the order in which they asked, whoever they are';
const lostGivesNothing = 'a lock that was lost gives back nothing of whoever has it now';
const gaveUp = 'who has waited long enough leaves the line, and is passed over';
const forced = 'forceRelease takes it from whoever has it, and the holder hears of it';
let tickets = 0;

/** Mistakes that real locks have made. */
const mutants: readonly Mutant[] = [
  nodeMutant('whoever came last is served first', inLine, (node) => ({
    ask(ask, deadline) {
      tickets += 1;
      return node.ask({ ...ask, ticket: ask.ticket ?? -tickets }, deadline);
    },
  })),
  nodeMutant('fences stand still', 'fencing tokens grow from holder to holder', (node) => ({
    async ask(ask, deadline) {
      const answer = await node.ask(ask, deadline);
      return answer.state === 'granted' ? { ...answer, fence: 7 } : answer;
    },
  })),
  nodeMutant('nobody is kept off', 'tryAcquire is undefined while somebody else has it, and has it afterwards', () => ({
    ask: async () => ({ state: 'granted', fence: Date.now() }),
  })),
  nodeMutant('resources in other letters are one', 'locks of different resources do not touch each other', (node) => ({
    ask: (ask, deadline) => node.ask({ ...ask, resource: ask.resource.trim().toLowerCase() }, deadline),
  })),
  nodeMutant('release frees the lock of whoever has it', gaveUp, (node) => ({
    async release(claim, deadline) {
      return (await node.release(claim, deadline)) || node.forceRelease(claim.resource, deadline);
    },
  })),
  nodeMutant('a renewal is told and not made', 'it is renewed until it is released', () => ({
    renew: async (renewals) => renewals.map(() => true),
  })),
  nodeMutant('the holder is not told that it was taken away', forced, (node) => ({
    listen: (process, listener) => node.listen(process, { ...listener, revoked: () => undefined }),
  })),
  nodeMutant('who gives up stays in line', gaveUp, (node) => ({
    release: async (claim, deadline) => {
      const { holder } = await node.inspect(claim.resource, deadline);
      return holder === claim.token && node.release(claim, deadline);
    },
  })),
  lockMutant('release aborts the signal', 'release gives it back once, and is no loss', (lock) => ({
    signal: AbortSignal.abort(lock),
  })),
  lockMutant('it is held whatever the clock shows', lostGivesNothing, () => ({ isHeld: true })),
  lockMutant('the signal never aborts', 'without renewal it ends by itself, and its signal tells', () => ({
    signal: new AbortController().signal,
  })),
  lockMutant('release says yes twice', 'release gives it back once, and is no loss', (lock) => ({
    release: async () => (await lock.release()) || true,
  })),
  lockMutant('a refresh does nothing', 'refresh gives it a new life, of the length it had or another', () => ({
    refresh: async () => undefined,
  })),
  lockMutant('what is released can be refreshed', 'what is lost or released cannot be refreshed', (lock) => ({
    refresh: (ttl) => lock.refresh(ttl).catch(() => undefined),
  })),
  lockMutant('a block keeps it', 'a block that uses it gives it back at its end', () => ({
    [Symbol.asyncDispose]: async () => undefined,
  })),
  locksMutant(
    'use keeps the lock when its function fails',
    'use passes on what its function returns or throws, and gives the lock back',
    (locks) => ({
      async use<T>(resource: string, ...rest: readonly unknown[]): Promise<T> {
        const lock = await locks.acquire(resource, rest.length > 1 ? (rest[0] as object) : undefined);
        const result = await (rest.at(-1) as (lock: Lock) => T)(lock);
        await lock.release();
        return result;
      },
    }),
  ),
  locksMutant(
    'use waits for itself',
    'who asks within a use for the lock that it has is refused; afterwards it is not',
    (locks) => ({
      async use<T>(resource: string, ...rest: readonly unknown[]): Promise<T> {
        await using lock = await locks.acquire(resource);
        return await (rest.at(-1) as (lock: Lock) => T)(lock);
      },
    }),
  ),
  locksMutant('use hides a loss', 'use says when the lock was lost while its function ran', (locks) => ({
    async use<T>(resource: string, ...rest: readonly unknown[]): Promise<T> {
      await using lock = await locks.acquire(resource, rest.length > 1 ? (rest[0] as object) : undefined);
      return await (rest.at(-1) as (lock: Lock) => T)(lock);
    },
  })),
  locksMutant('wait 0 waits a little', 'wait 0 does not wait', (locks) => ({
    acquire: (resource, options) => locks.acquire(resource, options?.wait === 0 ? { ...options, wait: '1m' } : options),
    inspect: async (resource) => ({ ...(await locks.inspect(resource)), waiting: 1 }),
  })),
  locksMutant('a signal is not looked at', 'who had given up already asks for nothing', (locks) => ({
    acquire: (resource, options) => locks.acquire(resource, { ...options, signal: undefined }),
  })),
  locksMutant('the signal of the call ends the lock', 'a signal that aborts later takes no lock away', (locks) => ({
    async acquire(resource, options) {
      const lock = await locks.acquire(resource, options);
      options?.signal?.addEventListener('abort', () => void lock.release());
      return lock;
    },
  })),
  locksMutant('nobody is seen waiting', 'who is told to give up leaves the line at once, with its reason', (locks) => ({
    inspect: async (resource) => ({ ...(await locks.inspect(resource)), waiting: 0 }),
  })),
  locksMutant('for ever is no time at all', 'wait Infinity waits until it is free', (locks) => ({
    acquire: (resource, options) =>
      locks.acquire(resource, { ...options, wait: options?.wait === Number.POSITIVE_INFINITY ? 0 : '1s' }),
  })),
  locksMutant(
    'the number of those who wait is not told',
    'inspect tells who has it, for how long, and how many wait',
    (locks) => ({
      async inspect(resource) {
        const { holder, ...state } = await locks.inspect(resource);
        return holder === undefined ? { ...state, waiting: 0 } : { holder: 'somebody', ...state, ttl: state.ttl / 1_000 };
      },
    }),
  ),
  locksMutant('nothing is counted', 'stats and events tell what became of locks', (locks) => {
    const stats = locks.stats();
    return { stats: () => stats };
  }),
  locksMutant('a misspelt option is let pass', 'options that cannot be right are refused, and nothing is taken', (locks) => ({
    acquire: (resource, options) => locks.acquire(resource, options && { ttl: options.ttl }),
  })),
  locksMutant('an empty name is one', 'a resource that is no name is refused by every call', (locks) => ({
    inspect: (resource) => locks.inspect(resource === '' ? 'none' : resource),
  })),
  locksMutant('a day is too long', 'a ttl of 10 ms and one of a day are taken', (locks) => ({
    acquire: (resource, options) => locks.acquire(resource, { ...options, ...(options?.ttl === '1d' && { ttl: '2d' }) }),
  })),
  lockMutant('a bad ttl is taken for none', 'refresh refuses a ttl that cannot be right, and the lock goes on', (lock) => ({
    refresh: (ttl) => lock.refresh(ttl === 0 ? undefined : ttl),
  })),
  locksMutant('close leaves what is held', 'close ends waits and locks, and gives back what was held', (locks) => ({
    close: async () => undefined,
    acquire: (resource, options) => locks.acquire(resource, { ...options, ...(options?.wait !== undefined && { wait: '1s' }) }),
  })),
  locksMutant('a listener stays', 'an event that does not exist is refused, and a listener can be taken off', (locks) => ({
    off: () => locks,
  })),
  nodeMutant('every second request is refused', 'acquire gives a lock that is held, with a fencing token', () => ({
    ask: () => Promise.reject(new Error('refused')),
  })),
  lockMutant(
    'the signal that is asked for late is whole',
    'the signal that is asked for after the loss is aborted already',
    () => ({
      signal: new AbortController().signal,
    }),
  ),
];

/** All of one case see one memory, as processes do. */
function makerOf(make: (node: LockNode) => Locks) {
  const nodes = new Map<string, LockNode>();
  return (name: string) => {
    const node = nodes.get(name) ?? { ...memoryNode(systemClock), close: async () => undefined };
    nodes.set(name, node);
    return make(node);
  };
}

describe('the suite of locks notices that', () => {
  let passes: Map<object, boolean>;
  // All at once, since some mistakes only show when a wait is over.
  beforeAll(async () => {
    const ran = mutants.map(async (one): Promise<[object, boolean]> => {
      const kept = lockConformanceCases.find(({ name }) => name === one.noticedBy) as LockConformanceCase;
      const hung = new Promise<boolean>((resolve) => setTimeout(resolve, 8_000, false).unref());
      return [one, await Promise.race([hung, runLockCase(kept, makerOf(one.make)).then(() => true, () => false)])]; // biome-ignore format: short
    });
    passes = new Map(await Promise.all(ran));
  });

  it.each(mutants)('$mistake', (one) => {
    expect(passes.get(one)).toBe(false);
  });

  it('each case has somebody who fails it', () => {
    const noticed = new Set(mutants.map(({ noticedBy }) => noticedBy));
    expect(lockConformanceCases.map(({ name }) => name).filter((name) => !noticed.has(name))).toEqual([]);
    expect(new Set(lockConformanceCases.map(({ name }) => name)).size).toBe(lockConformanceCases.length);
  });
});
