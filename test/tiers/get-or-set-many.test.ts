import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BatchFactory } from '../../src/cache.js';
import {
  CircularLoadError,
  ClosedError,
  ConnectionError,
  FactoryTimeoutError,
  InvalidKeyError,
  InvalidValueError,
} from '../../src/errors.js';
import type { Step } from '../support/gates.js';
import { deferred, pass, settled, simulatedProcess, type World, world } from '../support/simulated-process.js';

const upper = () =>
  vi.fn(async (keys: readonly string[]): Promise<Map<string, string>> => {
    return new Map(keys.map((key) => [key, key.toUpperCase()]));
  });

/** For whom each run was, in the order of the runs. */
const runs = (factory: ReturnType<typeof vi.fn>) => factory.mock.calls.map(([keys]) => keys);

const pairs = (text: string) => text.split(' ').map((key) => [key, key.toUpperCase()]);

afterEach(() => {
  vi.restoreAllMocks();
});

function nothingLeft({ clock, server }: World, ...cores: ReturnType<World['process']>['core'][]): void {
  for (const { flights, fence, refreshes } of cores) expect([flights.size, fence.size, refreshes.running]).toEqual([0, 0, 0]);
  expect([server.leasedKeys(), clock.pending]).toEqual([[], 0]);
}

describe('what it loads', () => {
  it('is what is missing, in one run, and the answer is in the order asked, each key once', async () => {
    const w = world();
    const { cache, core, l2 } = w.process('p');
    await w.process('other').cache.set('l2', 'L2');
    await cache.set('l1', 'L1');
    l2.sent.length = 0;
    const factory = upper();
    expect([...(await cache.getOrSetMany(['c', 'l1', 'a', 'l2', 'c'], factory))]).toEqual(pairs('c l1 a l2'));
    expect(runs(factory)).toEqual([['c', 'a']]);
    expect(l2.sent).toEqual(['read c', 'read a', 'read l2', 'load c', 'load a', 'fill c', 'fill a']);
    expect(cache.stats()).toMatchObject({ l1: { hits: 1 }, l2: { hits: 1 } });
    expect([...(await w.process('third').cache.getMany(['a', 'c']))]).toEqual(pairs('a c'));
    await cache.getOrSetMany(['c', 'l1', 'a', 'l2'], factory);
    expect(factory).toHaveBeenCalledTimes(1);
    nothingLeft(w, core);
  });

  it('is the same with memory alone', async () => {
    const w = world();
    const { cache, core } = simulatedProcess(w.clock, undefined);
    await cache.set('b', 'B');
    const factory = upper();
    expect([...(await cache.getOrSetMany(new Set(['c', 'b', 'a']), factory))]).toEqual(pairs('c b a'));
    expect(runs(factory)).toEqual([['c', 'a']]);
    nothingLeft(w, core);
  });

  it('is nothing if no keys are asked for, or all are there', async () => {
    const { cache } = world().process('p');
    const factory = upper();
    expect(await cache.getOrSetMany([], factory)).toEqual(new Map());
    await cache.set('a', null);
    expect([...(await cache.getOrSetMany(['a'], factory))]).toEqual([['a', null]]);
    expect(factory).not.toHaveBeenCalled();
  });

  it('is under the keys of the namespace, which the factory sees as the caller wrote them', async () => {
    const { cache } = world().process('p');
    const factory = upper();
    expect([...(await cache.namespace('n').getOrSetMany(['a'], factory))]).toEqual(pairs('a'));
    expect(runs(factory)).toEqual([['a']]);
    expect(await cache.get('n:a')).toBe('A');
  });

  it('is all of it with forceFresh', async () => {
    const { cache } = world().process('p');
    await cache.set('a', 'old');
    const factory = vi.fn<BatchFactory<string>>((keys, { stale }) => keys.map((key) => `${stale.get(key)?.value} ${key}`));
    const values = await cache.getOrSetMany(['a', 'b'], factory, { forceFresh: true });
    expect([...values]).toEqual([
      ['a', 'old a'],
      ['b', 'undefined b'],
    ]);
    expect(await cache.get('a')).toBe('old a');
  });
});

describe('thousands of keys', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`);

  it('are one run of the factory, and no more than 500 of them ask L2 at once', async () => {
    const w = world();
    const { cache, core, gates } = w.process('p');
    const reply = gates.hold('read', 'reply');
    const factory = upper();
    const answer = cache.getOrSetMany(many(1_300), factory);
    await reply.arrived;
    await settled();
    expect(core.flights.size).toBe(500);
    reply.release();
    const values = await answer;
    expect([...values.keys()]).toEqual(many(1_300));
    expect(runs(factory)).toEqual([many(1_300)]);
    await settled();
    expect(w.server.read('k1299')?.value).toBe('K1299');
    nothingLeft(w, core);
  });

  it('of which hundreds are held by another process do not hold up the others', async () => {
    const w = world({ leaseMs: 60_000 });
    const slowly = (step: Step) => {
      if (step.operation !== 'load' || step.phase !== 'reply') return undefined;
      return new Promise<void>((resolve) => void w.clock.schedule(20, resolve));
    };
    const { cache } = w.process('p', { pass: slowly });
    const held = many(1_100).slice(0, 550);
    for (const key of held) w.server.load(key, 'of another', '', Number.POSITIVE_INFINITY);
    const factory = upper();
    const answer = cache.getOrSetMany(many(1_100), factory);
    await pass(w.clock, 300);
    expect(runs(factory)).toEqual([many(1_100).slice(550)]);
    for (const key of held) w.server.release(key, 'of another');
    await pass(w.clock, 500);
    expect((await answer).size).toBe(1_100);
  });

  it('end with the cache, and what has not begun never does', async () => {
    const w = world();
    const { cache, core, gates } = w.process('p');
    const reply = gates.hold('read', 'reply');
    const factory = upper();
    const answer = cache.getOrSetMany(many(1_300), factory);
    answer.catch(() => undefined);
    await reply.arrived;
    const closed = cache.close();
    reply.release();
    await pass(w.clock, 1_500, 100);
    await closed;
    await expect(answer).rejects.toThrow(ClosedError);
    expect(factory).not.toHaveBeenCalled();
    expect(core.flights.size).toBe(0);
  });
});

describe('what the factory returns', () => {
  it.each([
    { shape: 'a Map without it', make: () => new Map([['b', 'B']]) },
    {
      shape: 'a Map with undefined',
      make: () => new Map([['a', undefined] as const, ['b', 'B'] as const]) as Map<string, string>,
    },
    { shape: 'an array with undefined', make: () => [undefined, 'B'] },
  ])('$shape: there is none, and none is stored', async ({ make }) => {
    const w = world();
    const { cache, core } = w.process('p');
    expect([...(await cache.getOrSetMany(['a', 'b'], make))]).toEqual(pairs('b'));
    expect([w.server.read('a'), w.server.read('b')?.value]).toEqual([undefined, 'B']);
    nothingLeft(w, core);
  });

  it.each([
    { what: 'a key too many', made: new Map(pairs('a b x') as [string, string][]), says: /'x'/ },
    { what: 'an array that is too short', made: ['A'], says: /asked for 2 and returned 1/ },
    { what: 'an array that is too long', made: ['A', 'B', 'C'], says: /returned 3/ },
    { what: 'an object', made: { a: 'A', b: 'B' }, says: /Map by key/ },
    { what: 'a Set', made: new Set(['A', 'B']), says: /Map by key/ },
    { what: 'nothing', made: undefined, says: /Map by key/ },
  ])('$what is refused, and nothing is stored', async ({ made, says }) => {
    const w = world();
    const { cache, core } = w.process('p');
    const answer = cache.getOrSetMany(['a', 'b'], (() => made) as unknown as BatchFactory<string>);
    await expect(answer).rejects.toThrow(InvalidValueError);
    await expect(answer).rejects.toThrow(says);
    await settled();
    expect([w.server.read('a'), w.server.read('b')]).toEqual([undefined, undefined]);
    expect([core.flights.size, w.server.leasedKeys()]).toEqual([0, []]);
  });

  it('a value that no tier can hold is the failure of its key alone', async () => {
    const w = world();
    const { cache } = w.process('p');
    const made = new Map<string, unknown>([
      ['a', () => 'a function'],
      ['b', 'B'],
    ]);
    await expect(cache.getOrSetMany(['a', 'b'], () => made)).rejects.toThrow(InvalidValueError);
    await settled();
    expect([w.server.read('a'), w.server.read('b')?.value]).toEqual([undefined, 'B']);
  });

  it('is stored with the life and the tags that it gave to a key, and not at all where it said so', async () => {
    const w = world();
    const { cache } = w.process('p');
    await cache.set('known', 1, { tags: ['t'] });
    const values = await cache.getOrSetMany(
      ['a', 'b', 'c'],
      (keys, { setOptions, skip }) => {
        setOptions('a', { ttl: '1s', tags: ['t'] });
        skip('b');
        return keys.map((key) => key.toUpperCase());
      },
      { ttl: '10s' },
    );
    expect([...values]).toEqual(pairs('a b c'));
    expect(await cache.ttl('a')).toBeLessThanOrEqual(1_000);
    expect(await cache.ttl('c')).toBeGreaterThan(9_000);
    expect((await cache.getEntry('a'))?.tags).toEqual(['t']);
    expect([await cache.has('b'), w.server.read('b')]).toEqual([false, undefined]);
    await cache.invalidateTags(['t']);
    expect([await cache.has('a'), await cache.has('c')]).toEqual([false, true]);
  });

  it('about a key that it was not asked for is refused', async () => {
    const { cache } = world().process('p');
    const settings: BatchFactory<string> = (_keys, { setOptions }) => {
      setOptions('x', { ttl: '1s' });
      return [];
    };
    await expect(cache.getOrSetMany(['a'], settings)).rejects.toThrow(/'x', for which it was not asked/);
  });
});

describe('a factory that fails', () => {
  it.each([
    {
      way: 'throws',
      factory: () => {
        throw new Error('source down');
      },
    },
    { way: 'rejects', factory: () => Promise.reject(new Error('source down')) },
  ])('and $way rejects the call with its own error; another try is free', async ({ factory }) => {
    const w = world();
    const { cache, core } = w.process('p');
    await expect(cache.getOrSetMany(['a', 'b'], factory)).rejects.toThrow('source down');
    await settled();
    nothingLeft(w, core);
    await pass(w.clock, 300);
    expect([...(await cache.getOrSetMany(['a', 'b'], upper()))]).toEqual(pairs('a b'));
  });

  it('leaves the keys with a stale value to that; only if none lacks one it is not told', async () => {
    const w = world();
    const { cache } = w.process('p');
    const failing: BatchFactory<string> = () => Promise.reject(new Error('source down'));
    for (const key of ['a', 'b']) await cache.set(key, `stale ${key}`, { ttl: '100ms', grace: '1m' });
    await pass(w.clock, 100);
    expect([...(await cache.getOrSetMany(['a', 'b'], failing, { errorBackoff: 0 }))]).toEqual([
      ['a', 'stale a'],
      ['b', 'stale b'],
    ]);
    await expect(cache.getOrSetMany(['a', 'c'], failing)).rejects.toThrow('source down');
  });
});

describe('loads that run already', () => {
  it('of single keys and of other batches are joined, and a single call joins a batch', async () => {
    const w = world();
    const { cache, core } = w.process('p');
    const single = deferred<string>();
    const first = deferred<Map<string, string>>();
    const made = vi.fn(() => first.promise);
    const one = cache.getOrSet('s', () => single.promise);
    const batch = cache.getOrSetMany(['a', 'b'], made);
    await settled();
    const factory = upper();
    const all = cache.getOrSetMany(['c', 's', 'b'], factory);
    const joined = cache.getOrSet('a', () => 'nobody runs this');
    await settled();
    expect(runs(factory)).toEqual([['c']]);
    single.resolve('S');
    first.resolve(new Map(pairs('a b') as [string, string][]));
    expect([...(await all)]).toEqual(pairs('c s b'));
    expect([await one, await joined, [...(await batch)]]).toEqual(['S', 'A', pairs('a b')]);
    expect(cache.stats().coalesced).toBe(3);
    nothingLeft(w, core);
  });

  it('in another process hold up nobody else, and their values are waited for', async () => {
    const w = world();
    const other = w.process('other');
    const { cache, core } = w.process('p');
    const slow = deferred<string>();
    const theirs = other.cache.getOrSet('held', () => slow.promise);
    await settled();
    const factory = upper();
    const answer = cache.getOrSetMany(['a', 'held', 'b'], factory);
    await settled();
    expect(runs(factory)).toEqual([['a', 'b']]);
    await settled();
    expect(await other.cache.get('a')).toBe('A');
    slow.resolve('theirs');
    await theirs;
    await pass(w.clock, 400);
    expect([...(await answer)]).toEqual([
      ['a', 'A'],
      ['held', 'theirs'],
      ['b', 'B'],
    ]);
    expect(factory).toHaveBeenCalledTimes(1);
    nothingLeft(w, core, other.core);
  });

  it('in a process that dies are made up for in a later run, together', async () => {
    const w = world({ leaseMs: 3_000 });
    const { cache } = w.process('p');
    for (const key of ['x', 'y']) w.server.load(key, 'of a dead process', '', Number.POSITIVE_INFINITY);
    const factory = upper();
    const answer = cache.getOrSetMany(['a', 'x', 'y'], factory);
    await settled();
    expect(runs(factory)).toEqual([['a']]);
    await pass(w.clock, 4_000);
    expect([...(await answer)]).toEqual(pairs('a x y'));
    expect(runs(factory).slice(1).flat().toSorted()).toEqual(['x', 'y']);
  });

  it('in other processes are asked after all the time, and who has the right to go on does not wait until nobody does', async () => {
    const w = world({ leaseMs: 60_000 });
    const slowly = (step: Step) => {
      if (step.operation !== 'load' || step.phase !== 'reply') return undefined;
      return new Promise<void>((resolve) => void w.clock.schedule(20, resolve));
    };
    const { cache } = w.process('p', { pass: slowly });
    const held = Array.from({ length: 40 }, (_, index) => `held ${index}`);
    for (const key of [...held, 'freed']) w.server.load(key, 'of another', '', Number.POSITIVE_INFINITY);
    const factory = upper();
    const answer = cache.getOrSetMany(['freed', ...held], factory);
    await pass(w.clock, 100);
    w.server.release('freed', 'of another');
    await pass(w.clock, 300);
    expect(runs(factory)).toEqual([['freed']]);
    expect(await cache.get('freed')).toBe('FREED');
    for (const key of held) w.server.release(key, 'of another');
    await pass(w.clock, 400);
    expect((await answer).size).toBe(41);
  });

  it('in two processes with keys in common: each key is made once', async () => {
    const w = world();
    const [one, two] = [w.process('one'), w.process('two')];
    const factory = upper();
    const answers = [
      one.cache.getOrSetMany(['a', 'b', 'c', 'd'], factory),
      two.cache.getOrSetMany(['e', 'd', 'c', 'b'], factory),
    ];
    await pass(w.clock, 500);
    expect((await Promise.all(answers)).map((values) => [...values])).toEqual([pairs('a b c d'), pairs('e d c b')]);
    expect(runs(factory).flat().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    nothingLeft(w, one.core, two.core);
  });
});

describe('who waits', () => {
  it('waits no longer than the hard time-out, and what comes later is stored', async () => {
    const w = world();
    const { cache, core } = w.process('p');
    const late = deferred<string[]>();
    let seen: AbortSignal | undefined;
    const answer = cache.getOrSetMany(
      ['a', 'b'],
      (_keys, { signal }) => {
        seen = signal;
        return late.promise;
      },
      { hardTimeout: '1s' },
    );
    answer.catch(() => undefined);
    await settled();
    await pass(w.clock, 1_000, 100);
    await expect(answer).rejects.toThrow(FactoryTimeoutError);
    expect(seen?.aborted).toBe(true);
    late.resolve(['A', 'B']);
    await settled();
    expect([...(await cache.getMany(['a', 'b']))]).toEqual(pairs('a b'));
    nothingLeft(w, core);
  });

  it('gets what is stale after the soft time-out, or at once within swr, and one run makes all of it anew', async () => {
    const w = world();
    const { cache, core } = w.process('p');
    const stored = { ttl: '100ms', grace: '1m', swr: '10s' } as const;
    for (const key of ['a', 'b']) await cache.getOrSet(key, () => `old ${key}`, stored);
    await pass(w.clock, 100);
    const slow = deferred<string[]>();
    const factory = vi.fn(() => slow.promise);
    const options = { grace: '1m', swr: '10s' } as const;
    expect([...(await cache.getOrSetMany(['a', 'b'], factory, options))]).toEqual([
      ['a', 'old a'],
      ['b', 'old b'],
    ]);
    await settled();
    expect(runs(factory)).toEqual([['a', 'b']]);
    const patient = cache.getOrSetMany(['a', 'b'], upper(), { grace: '1m', softTimeout: 200 });
    await pass(w.clock, 200);
    expect((await patient).get('b')).toBe('old b');
    slow.resolve(['A', 'B']);
    await settled();
    expect([...(await cache.getMany(['a', 'b']))]).toEqual(pairs('a b'));
    nothingLeft(w, core);
  });

  it('may give up; the others and the cache get what is made', async () => {
    const w = world();
    const { cache, core } = w.process('p');
    const slow = deferred<string[]>();
    const gone = new AbortController();
    const answer = cache.getOrSetMany(['a', 'b'], () => slow.promise, { signal: gone.signal });
    await settled();
    gone.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
    slow.resolve(['A', 'B']);
    await settled();
    expect(await cache.get('b')).toBe('B');
    await expect(cache.getOrSetMany(['a'], upper(), { signal: gone.signal })).rejects.toThrow('gone');
    nothingLeft(w, core);
  });

  it('is told when the cache is closed, and a factory that has not begun then never does', async () => {
    const w = world();
    const { cache, gates } = w.process('p');
    const reply = gates.hold('load', 'reply');
    const factory = upper();
    const answer = cache.getOrSetMany(['a', 'b'], factory);
    answer.catch(() => undefined);
    await reply.arrived;
    const closed = cache.close();
    await expect(answer).rejects.toThrow(ClosedError);
    reply.release();
    await pass(w.clock, 1_500, 100);
    await closed;
    expect(factory).not.toHaveBeenCalled();
    await expect(cache.getOrSetMany(['a'], factory)).rejects.toThrow(ClosedError);
  });
});

describe('hits in memory', () => {
  it('that are due early are made anew in the background, with what is missing', async () => {
    const w = world();
    const { cache, core } = w.process('p', { random: () => 0.999 });
    for (const key of ['a', 'b']) {
      const cost = deferred<string>();
      const made = cache.getOrSet(key, () => cost.promise, { ttl: '10s' });
      await settled();
      await pass(w.clock, 1_000, 100);
      cost.resolve(`old ${key}`);
      await made;
    }
    await pass(w.clock, 5_000, 500);
    const factory = upper();
    expect((await cache.getOrSetMany(['a', 'b'], factory)).get('a')).toBe('old a');
    await settled();
    expect(factory).not.toHaveBeenCalled();
    const values = await cache.getOrSetMany(['a', 'c', 'b'], factory, { ttl: '10s', earlyRefresh: true });
    expect([...values]).toEqual([
      ['a', 'old a'],
      ['c', 'C'],
      ['b', 'old b'],
    ]);
    expect(runs(factory)).toEqual([['a', 'c', 'b']]);
    await settled();
    expect([...(await cache.getMany(['a', 'b']))]).toEqual(pairs('a b'));
    nothingLeft(w, core);
  });

  it('get a new life if that is wanted', async () => {
    const w = world();
    const { cache } = w.process('p');
    await cache.set('a', 'A', { ttl: '10s' });
    await pass(w.clock, 9_000, 500);
    await cache.getOrSetMany(['a'], upper(), { sliding: '10s' });
    await settled();
    expect(await cache.ttl('a')).toBeGreaterThan(9_500);
  });
});

describe('changes while the factory runs', () => {
  const changes: Record<string, (w: World, process: ReturnType<World['process']>) => Promise<unknown>> = {
    set: (_w, { cache }) => cache.set('n:a', 'newer'),
    delete: (_w, { cache }) => cache.delete('n:a'),
    'invalidated tags': (_w, { cache }) => cache.invalidateTags(['t']),
    'a set elsewhere': (w) => w.process('other').cache.set('n:a', 'newer'),
  };
  it.each(Object.keys(changes))('%s: what was made of that key is not stored, the rest is', async (change) => {
    const w = world();
    const process = w.process('p');
    const { cache, core } = process;
    await cache.set('known', 1, { tags: ['t'] });
    const slow = deferred<void>();
    const answer = cache.getOrSetMany(['n:a', 'b'], async (keys, { setOptions }) => {
      setOptions('n:a', { tags: ['t'] });
      await slow.promise;
      return keys.map((key) => `made ${key}`);
    });
    await settled();
    await changes[change]?.(w, process);
    slow.resolve();
    expect((await answer).get('n:a')).toBe('made n:a');
    await settled();
    expect(await cache.get('n:a')).not.toBe('made n:a');
    expect(await w.process('third').cache.get('n:a')).not.toBe('made n:a');
    expect(await w.process('third').cache.get('b')).toBe('made b');
    nothingLeft(w, core);
  });
});

it('nothing is stored of what was made while its namespace was cleared', async () => {
  const w = world();
  const { cache, core } = w.process('p');
  const slow = deferred<string[]>();
  const answer = cache.namespace('n').getOrSetMany(['a', 'b'], () => slow.promise);
  await settled();
  await w.process('other').cache.namespace('n').clear();
  slow.resolve(['A', 'B']);
  expect([...(await answer)]).toEqual(pairs('a b'));
  await settled();
  expect(await w.process('third').cache.namespace('n').getMany(['a', 'b'])).toEqual(new Map());
  nothingLeft(w, core);
});

it.each([
  { outage: 'serve', kept: true },
  { outage: 'source', kept: false },
] as const)('without L2 the factory makes them under $outage; kept in memory: $kept', async ({ outage, kept }) => {
  const w = world();
  const { cache, core, l2 } = w.process('p');
  l2.down = true;
  const factory = upper();
  for (let times = 1; times <= 2; times += 1) {
    expect([...(await cache.getOrSetMany(['a', 'b'], factory, { outage }))]).toEqual(pairs('a b'));
    expect(factory).toHaveBeenCalledTimes(kept ? 1 : times);
  }
  expect(core.flights.size).toBe(0);
});

it('without L2 the call rejects under throw, and no factory runs', async () => {
  const { cache, core, l2 } = world().process('p');
  l2.down = true;
  const factory = upper();
  await expect(cache.getOrSetMany(['a', 'b'], factory, { outage: 'throw' })).rejects.toThrow(ConnectionError);
  await settled();
  expect(factory).not.toHaveBeenCalled();
  expect(core.flights.size).toBe(0);
});

describe('a factory that would wait for itself', () => {
  it.each(['a', 'b'])('since it asks for %s, one of its keys, is refused', async (own) => {
    const w = world();
    const { cache, core } = w.process('p');
    const factory: BatchFactory<string> = async () => [await cache.getOrSet(own, () => 'x'), 'y'];
    await expect(cache.getOrSetMany(['a', 'b'], factory)).rejects.toThrow(CircularLoadError);
    await settled();
    expect([core.flights.size, w.server.leasedKeys()]).toEqual([0, []]);
  });

  it.each(['a', 'b'])('since it asks a batch for %s beside others, is refused, and what it began goes on', async (own) => {
    const w = world();
    const { cache, core } = w.process('p');
    const inner = vi.fn(() => Promise.reject(new Error('inner')));
    const factory: BatchFactory<string> = async () => [...(await cache.getOrSetMany<string>(['x', own, 'y'], inner)).values()];
    await expect(cache.getOrSetMany(['a', 'b'], factory)).rejects.toThrow(CircularLoadError);
    await settled();
    expect([core.flights.size, w.server.leasedKeys()]).toEqual([0, []]);
  });

  it.each(['a', 'b'])('since what it asks for waits for %s, is refused', async (own) => {
    const w = world();
    const { cache, core } = w.process('p');
    const factory: BatchFactory<string> = async () => [
      await cache.getOrSet('x', () => cache.getOrSet<string>(own, () => '')),
      '',
    ];
    await expect(cache.getOrSetMany(['a', 'b'], factory)).rejects.toThrow(CircularLoadError);
    await settled();
    expect([core.flights.size, w.server.leasedKeys()]).toEqual([0, []]);
  });
});

describe('bad input', () => {
  it.each([
    { what: 'a string', keys: 'ab' },
    { what: 'a number', keys: 5 },
    { what: 'nothing', keys: undefined },
  ])('$what instead of keys is refused', async ({ keys }) => {
    const { cache } = world().process('p');
    await expect(cache.getOrSetMany(keys as never, upper())).rejects.toThrow('takes a list of keys');
  });

  it('is refused before anything begins', async () => {
    const { cache, core, l2 } = world().process('p');
    await expect(cache.getOrSetMany(['a', ''], upper())).rejects.toThrow(InvalidKeyError);
    await expect(cache.getOrSetMany(['a'], 'x' as never)).rejects.toThrow('needs a factory');
    await expect(cache.getOrSetMany(['a'], upper(), { ttl: -1 })).rejects.toThrow('ttl');
    await expect(cache.getOrSetMany([], upper(), { tll: 5 } as never)).rejects.toThrow("'tll'");
    expect([core.flights.size, l2.sent]).toEqual([0, []]);
  });
});
