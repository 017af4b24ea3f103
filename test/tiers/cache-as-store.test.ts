import { type Cache, cacheBuilder, type TieredCache } from 'tierkeep';
import { describe, expect, it, vi } from 'vitest';
import type { Entry } from '../../src/cache.js';
import { newEntry } from '../../src/entries/entry.js';
import { BackendError, ClosedError, ConnectionError, DeadlineError, InvalidValueError } from '../../src/errors.js';
import { alwaysCounts } from '../../src/store.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { runConformance } from '../../src/testing/index.js';
import { cacheAsStore } from '../../src/tiers/cache-as-store.js';
import { ReferenceCache } from '../conformance/reference-cache.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

describe('a cache over a tier of any kind keeps the contract:', () => {
  const backend = new Map<string, Map<string, Entry>>();

  describe('a plain Cache alone', () => {
    runConformance({ describe, it, newCache: (name) => cacheBuilder(name).tier(new ReferenceCache(backend, name)).build() });
  });

  describe('a plain Cache as the third of three tiers', () => {
    runConformance({
      describe,
      it,
      newCache: (name) => {
        const inner = cacheBuilder(name).memory().tier(new ReferenceCache(backend, name)).build();
        return cacheBuilder(name).memory().tier(inner).build();
      },
    });
  });
});

/** A store over a tiered cache, both on one clock. */
function setUp() {
  const clock = fakeClock();
  const inner = cacheBuilder('inner').clock(clock).build();
  return { clock, inner, store: cacheAsStore(inner, 'inner', clock), soon: () => clock.monotonic() + 100 };
}

describe('a cache as a store', () => {
  it('keeps the life that is left, fresh and stale', async () => {
    const { clock, store, inner, soon } = setUp();
    const entry = newEntry('v', { ttl: 10_000, grace: 5_000 }, clock.now());
    clock.advance(4_000);
    await store.write('one', entry, soon());
    await store.writeMany(new Map([['many', entry]]), soon());
    expect(await store.writeIfAbsent('absent', entry, soon(), alwaysCounts)).toBe(true);
    for (const key of ['one', 'many', 'absent']) {
      expect(await store.read(key, soon())).toMatchObject({ freshUntil: entry.freshUntil, expiresAt: entry.expiresAt });
    }
    clock.advance(6_000);
    expect(await inner.get('one')).toBeUndefined();
    expect((await store.readMany(['one', 'none', 'many'], soon())).size).toBe(2);
    clock.advance(5_000);
    expect(await store.read('one', soon())).toBeUndefined();
  });

  it('keeps for ever what is for ever', async () => {
    const { clock, store, soon } = setUp();
    const ever = Number.POSITIVE_INFINITY;
    await store.write('fresh', newEntry(1, { ttl: ever, grace: 0 }, clock.now()), soon());
    await store.write('stale', newEntry(1, { ttl: 1_000, grace: ever }, clock.now()), soon());
    expect(await store.read('fresh', soon())).toMatchObject({ freshUntil: ever, expiresAt: ever });
    expect(await store.read('stale', soon())).toMatchObject({ freshUntil: clock.now() + 1_000, expiresAt: ever });
    expect(await store.expire('stale', ever, soon(), alwaysCounts)).toBe(true);
    expect(await store.read('stale', soon())).toMatchObject({ freshUntil: ever });
  });

  it('replaces what was there also when the new entry ran out on the way', async () => {
    const { clock, store, inner, soon } = setUp();
    await inner.set('k', 'old', { ttl: '1h' });
    const entry = newEntry('new', { ttl: 1_000, grace: 2_000 }, clock.now());
    clock.advance(1_500);
    await store.write('k', entry, soon());
    clock.advance(1);
    expect(await inner.get('k')).toBeUndefined();
    expect(await inner.getEntry('k')).toMatchObject({ value: 'new', expiresAt: entry.expiresAt });
  });

  it('hands on what is left of the budget, in time and to every call', async () => {
    const { clock, inner } = setUp();
    const store = cacheAsStore(inner, 'inner', clock);
    const asked = vi.spyOn(inner, 'getEntry');
    clock.advance(20);
    await store.read('k', 75);
    expect(asked).toHaveBeenLastCalledWith('k', { budget: 55 });
    await expect(store.read('k', 20)).rejects.toBeInstanceOf(DeadlineError);
    expect(asked).toHaveBeenCalledOnce();
  });

  it('gives up a cache that does not answer, and leaves no timer behind one that does', async () => {
    const { clock, inner, store, soon } = setUp();
    vi.spyOn(inner, 'getEntry').mockReturnValue(new Promise(() => {}));
    const read = store.read('k', soon());
    clock.advance(100);
    await expect(read).rejects.toThrow('inner did not answer read in time.');
    expect(store.health()).toBe('down');
    await store.remove('k', soon());
    expect([store.health(), clock.pending]).toEqual(['ready', 0]);
  });

  it('removes by prefix and pattern, whatever the prefix holds', async () => {
    const { inner, store, soon } = setUp();
    await inner.setMany(['a*:1', 'a*:2', 'ab:1', 'b:1'].map((key) => [key, 1] as const));
    expect(await store.removeMatching('a*:', '?', soon)).toBe(2);
    expect(await inner.getMany(['ab:1', 'b:1'])).toHaveProperty('size', 2);
    expect(await store.removeMatching('', '*', soon)).toBe(2);
  });

  it.for<[string, unknown, new (...given: never[]) => Error, string]>([
    ['an error of the cache itself', new BackendError('refused', { backend: 'b', operation: 'o' }), BackendError, 'refused'],
    ['a mistake of the caller', new InvalidValueError('no value'), InvalidValueError, 'no value'],
    ['an error of somebody else', new TypeError('oops'), BackendError, 'inner failed at read: oops'],
    ['no error at all', 'oops', BackendError, 'inner failed at read: oops'],
    ['nothing', undefined, BackendError, 'inner failed at read: undefined'],
    [
      'a fault of the network',
      Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      ConnectionError,
      'inner failed at read: refused',
    ],
    ['a cache that was closed', new ClosedError('closed'), ConnectionError, 'inner was closed by its owner.'],
  ])('tells %s as what it means for the tier, thrown or rejected', async ([, error, type, message]) => {
    const { inner, store, soon } = setUp();
    const asked = vi.spyOn(inner, 'getEntry');
    asked.mockRejectedValueOnce(error);
    await expect(store.read('k', soon())).rejects.toSatisfy((told) => told instanceof type && told.message === message);
    asked.mockImplementationOnce(() => {
      throw error;
    });
    await expect(store.read('k', soon())).rejects.toBeInstanceOf(type);
  });

  it('says how the cache is, and waits for it to be ready, if it can tell', async () => {
    const { clock, inner, store } = setUp();
    await store.ready();
    expect(store.health()).toBe('ready');
    const plain = cacheAsStore(new ReferenceCache(new Map(), 'plain'), 'plain', clock);
    await plain.ready();
    expect(plain.health()).toBe('ready');
    await inner.close();
    await store.ready();
    expect(store.health()).toBe('closed');
  });
});

describe('three tiers', () => {
  const down = (): Cache => {
    const cache = new ReferenceCache(new Map(), 'down');
    return new Proxy(cache, {
      get: (target, name) =>
        ['getEntry', 'set', 'delete', 'increment'].includes(String(name))
          ? () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
          : Reflect.get(target, name, target),
    });
  };

  it('read through all of them, and keep copies on the way that do not outlive the entry', async () => {
    const clock = fakeClock();
    const last = cacheBuilder('last').clock(clock).build();
    const middle = cacheBuilder('middle').clock(clock).memory().tier(last, { name: 'last' }).build();
    const first = cacheBuilder('first').clock(clock).memory().tier(middle, { name: 'middle' }).build();
    await last.set('k', 'v', { ttl: '10s' });
    clock.advance(4_000);
    expect(await first.get('k')).toBe('v');
    expect([first.peek('k'), middle.peek('k')]).toEqual(['v', 'v']);
    expect(first.health().tiers.map(({ name, tier }) => `${tier} ${name}`)).toEqual(['l1 memory', 'l2 middle']);
    clock.advance(6_000);
    expect([first.peek('k'), middle.peek('k'), await first.get('k')]).toEqual([undefined, undefined, undefined]);
  });

  it('write and remove in all of them', async () => {
    const last = cacheBuilder('last').build();
    const middle = cacheBuilder('middle').memory().tier(last).build();
    await using first = cacheBuilder('first').memory().tier(middle).build();
    await first.getOrSet('k', () => 'made');
    expect([middle.peek('k'), await last.get('k')]).toEqual(['made', 'made']);
    expect(await first.increment('n', 2)).toBe(2);
    expect(await last.get('n')).toBe(2);
    expect(await first.delete('k')).toBe(true);
    expect([first.peek('k'), middle.peek('k'), await last.get('k')]).toEqual([undefined, undefined, undefined]);
    await first.clear();
    expect(await last.get('n')).toBeUndefined();
  });

  it('serve from the first when the last is away, and are not closed by the first', async () => {
    const middle = cacheBuilder('middle').memory().tier(down()).logger(quiet).build();
    const first: TieredCache = cacheBuilder('first').memory().tier(middle).build();
    expect(await first.getOrSet('k', () => 'made')).toBe('made');
    expect(await first.get('k')).toBe('made');
    await expect(first.increment('n')).rejects.toBeInstanceOf(ConnectionError);
    await first.close();
    await middle.set('k2', 'still open');
    expect(await middle.get('k2')).toBe('still open');
    await middle.close();
  });

  it('go on without a tier that its owner has closed', async () => {
    const behind = cacheBuilder('behind').build();
    await using cache = cacheBuilder('before').memory().tier(behind).logger(quiet).build();
    await behind.close();
    await cache.set('k', 'v');
    expect([await cache.get('k'), cache.health().status]).toEqual(['v', 'degraded']);
  });
});
