import { describe, expect, it, vi } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { ClosedError } from '../../src/errors.js';
import { deferred, pass, settled, simulatedProcess, type WorldProcess, world } from '../support/simulated-process.js';

const never = () => new Promise<never>(() => undefined);

function started(leaseMs = 10_000) {
  const w = world({ leaseMs });
  return { ...w, p: w.process('p', { defaults: { hardTimeout: 1_000 } }) };
}

/** Closes, lets the drain run out, and looks whether anything is left. */
async function closeAndLook({ clock, server, p }: ReturnType<typeof started>): Promise<void> {
  const closed = p.cache.close();
  await pass(clock, 1_000, 100);
  await closed;
  await settled();
  nothingLeft(p);
  expect(clock.pending).toBe(0);
  expect(server.leasedKeys()).toEqual([]);
}

function nothingLeft({ core }: WorldProcess): void {
  expect(core.fence.size).toBe(0);
  expect(core.flights.size).toBe(0);
  expect(core.local.size).toBe(0);
}

describe('close()', () => {
  it('every call afterwards is a ClosedError, whatever was cached', async () => {
    const w = started();
    const { cache } = w.p;
    await cache.set('k', 'v');
    const users = cache.namespace('users');
    await users.set('k', 'v');
    await closeAndLook(w);
    const calls: ((cache: TieredCache) => Promise<unknown>)[] = [
      (c) => c.get('k'),
      (c) => c.getEntry('k'),
      (c) => c.getMany(['k']),
      (c) => c.getMany([]),
      (c) => c.set('k', 1),
      (c) => c.setMany([['k', 1]]),
      (c) => c.setMany([]),
      (c) => c.setIfAbsent('k', 1),
      (c) => c.has('k'),
      (c) => c.delete('k'),
      (c) => c.deleteMany(['k']),
      (c) => c.deletePattern('*'),
      (c) => c.ttl('k'),
      (c) => c.expire('k', '1s'),
      (c) => c.increment('n'),
      (c) => c.clear(),
      (c) => c.ping(),
      (c) => c.getOrSet('k', () => 1),
      (c) => c.ready(),
    ];
    for (const view of [cache, users]) {
      for (const call of calls) await expect(call(view), call.toString()).rejects.toBeInstanceOf(ClosedError);
      expect(view.peek('k')).toBeUndefined();
    }
    expect(() => cache.namespace('other')).toThrow(ClosedError);
    expect(cache.health()).toMatchObject({ status: 'closed' });
    expect(cache.stats()).toMatchObject({ sets: 2, entries: 0 });
  });

  it('twice, or by `await using`, is once', async () => {
    const w = started();
    const first = w.p.cache.close();
    await Promise.all([first, w.p.cache.close(), w.p.cache[Symbol.asyncDispose]()]);
    await closeAndLook(w);
  });

  it('a factory that runs: its callers get the error at once, its signal aborts, its lease goes back, its value nowhere', async () => {
    const w = started();
    const factory = deferred<string>();
    let signal: AbortSignal | undefined;
    const answers = Promise.allSettled(
      Array.from({ length: 10 }, () =>
        w.p.cache.getOrSet('k', (context) => {
          signal = context.signal;
          return factory.promise;
        }),
      ),
    );
    await settled();
    const closed = w.p.cache.close();
    for (const answer of await answers) expect(answer).toMatchObject({ status: 'rejected', reason: { name: 'ClosedError' } });
    await closed;
    expect(signal?.reason).toBeInstanceOf(ClosedError);
    expect(w.server.leasedKeys()).toEqual([]);
    factory.resolve('too late');
    await settled();
    expect(w.server.read('k')).toBeUndefined();
    nothingLeft(w.p);
    expect(w.clock.pending).toBe(0);
  });

  it('a factory that never settles', async () => {
    const w = started();
    const answer = w.p.cache.getOrSet('k', never);
    answer.catch(() => undefined);
    await settled();
    await closeAndLook(w);
    await expect(answer).rejects.toBeInstanceOf(ClosedError);
  });

  it('an overdue factory, and those who joined it late', async () => {
    const w = started();
    const first = w.p.cache.getOrSet('k', never);
    first.catch(() => undefined);
    await pass(w.clock, 1_500);
    const late = w.p.cache.getOrSet('k', never);
    late.catch(() => undefined);
    await settled();
    const closed = w.p.cache.close();
    await expect(late).rejects.toBeInstanceOf(ClosedError);
    await closed;
    nothingLeft(w.p);
    expect(w.clock.pending).toBe(0);
    expect(w.server.leasedKeys()).toEqual([]);
  });

  it('a caller with a shorter hard time-out than its flight, and one with a signal', async () => {
    const w = started();
    const first = w.p.cache.getOrSet('k', never);
    const hasty = w.p.cache.getOrSet('k', never, { hardTimeout: '500ms' });
    const other = w.p.cache.getOrSet('k', never, { signal: new AbortController().signal });
    const outcomes = Promise.allSettled([first, hasty, other]);
    await settled();
    await closeAndLook(w);
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'ClosedError' } });
  });

  it('while waiting for another process’s load', async () => {
    const w = started();
    const theirs = deferred<string>();
    const other = w.process('other').cache.getOrSet('k', () => theirs.promise);
    await settled();
    const run = vi.fn(never);
    const answer = w.p.cache.getOrSet('k', run);
    await pass(w.clock, 50);
    const closed = w.p.cache.close();
    await expect(answer).rejects.toBeInstanceOf(ClosedError);
    await closed;
    nothingLeft(w.p);
    theirs.resolve('theirs');
    expect(await other).toBe('theirs');
    expect(run).not.toHaveBeenCalled();
    expect(w.clock.pending).toBe(0);
  });

  it.each(['read', 'load'])('while the %s of a load is under way: its factory is not begun', async (operation) => {
    const w = started();
    const gate = w.p.gates.hold(operation, 'reply');
    const run = vi.fn(() => 'value');
    const answer = w.p.cache.getOrSet('k', run);
    answer.catch(() => undefined);
    await gate.arrived;
    const closed = w.p.cache.close();
    await expect(answer).rejects.toBeInstanceOf(ClosedError);
    gate.release();
    await settled();
    await closed;
    expect(run).not.toHaveBeenCalled();
    nothingLeft(w.p);
    expect(w.clock.pending).toBe(0);
  });

  it('while a fill is under way: it may land in L2, and memory stays empty', async () => {
    const w = started();
    const gate = w.p.gates.hold('fill', 'reply');
    const answer = w.p.cache.getOrSet('k', () => 'value');
    answer.catch(() => undefined);
    await gate.arrived;
    const closed = w.p.cache.close();
    await expect(answer).rejects.toBeInstanceOf(ClosedError);
    gate.release();
    await closed;
    expect(w.server.read('k')?.value).toBe('value');
    nothingLeft(w.p);
  });

  const writes: [string, string, (cache: TieredCache) => Promise<unknown>][] = [
    ['set', 'write', (cache) => cache.set('k', 'new')],
    ['setMany', 'writeMany', (cache) => cache.setMany([['k', 'new']])],
    ['setIfAbsent', 'writeIfAbsent', (cache) => cache.setIfAbsent('k', 'new')],
    ['get', 'read', (cache) => cache.get('k')],
    ['getMany', 'readMany', (cache) => cache.getMany(['k'])],
    ['increment', 'increment', (cache) => cache.increment('n')],
    ['delete', 'remove', (cache) => cache.delete('k')],
  ];
  it.each(writes)('a %s under way is let finish, and fills no memory', async (name, operation, run) => {
    const w = started();
    if (name.startsWith('get')) await w.process('other').cache.set('k', 'v');
    const gate = w.p.gates.hold(operation, 'reply');
    const answer = run(w.p.cache);
    await gate.arrived;
    const closed = w.p.cache.close();
    await settled();
    gate.release();
    await answer;
    await closed;
    nothingLeft(w.p);
    await expect(w.p.cache.get('k')).rejects.toBeInstanceOf(ClosedError);
  });

  it.each(writes)('a %s that L2 never answers ends with the drain', async (_name, operation, run) => {
    const w = started();
    w.p.gates.hold(operation, 'request');
    const answer = run(w.p.cache).catch((error: unknown) => error);
    await settled();
    await closeAndLook(w);
    await answer;
  });

  it('without L2', async () => {
    const { clock } = world();
    const { cache, core } = simulatedProcess(clock, undefined);
    const answer = cache.getOrSet('k', never);
    answer.catch(() => undefined);
    await settled();
    await cache.close();
    await expect(answer).rejects.toBeInstanceOf(ClosedError);
    expect(core.fence.size).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
