import { ConfigError, cacheBuilder, InvalidKeyError, type TieredCache, UnsupportedError } from 'tierkeep';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ReferenceCache } from '../conformance/reference-cache.js';
import { deferred, world } from '../support/simulated-process.js';

const open: TieredCache[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((cache) => cache.close()));
});
function kept(cache: TieredCache): TieredCache {
  open.push(cache);
  return cache;
}
const inMemory = (maxEntries = 10_000) => kept(cacheBuilder('shop').memory({ maxEntries }).grace('1h').build());

/** As plain JavaScript would call it. */
const loosely = (value: unknown): never => value as never;

describe('tags that are none are refused, and nothing is stored', () => {
  it.each<[string, unknown, typeof ConfigError]>([
    ['a string', 'org:1', ConfigError],
    ['null', null, ConfigError],
    ['a number', 7, ConfigError],
    ['true', true, ConfigError],
    ['an object', { a: 1 }, ConfigError],
    ['numbers', [1, 2], InvalidKeyError],
    ['an empty tag', ['a', ''], InvalidKeyError],
    ['undefined among them', ['a', undefined], InvalidKeyError],
    ['a symbol', [Symbol('a')], InvalidKeyError],
    ['half a surrogate pair', ['\ud83d'], InvalidKeyError],
    ['513 bytes', [`${'é'.repeat(256)}x`], InvalidKeyError],
    ['65 of them', Array.from({ length: 65 }, (_, index) => `t${index}`), ConfigError],
    ['a thousand', Array.from({ length: 1_000 }, (_, index) => `t${index}`), ConfigError],
  ])('%s', async (_, given, error) => {
    const { cache, l2 } = world().process('p');
    const tags = loosely(given);
    const factory = vi.fn(() => 1);
    await expect(cache.set('k', 1, { tags })).rejects.toThrow(error);
    await expect(cache.setMany([['k', 1]], { tags })).rejects.toThrow(error);
    await expect(cache.setMany([['ok', 1], ['k', 1, { tags }]])).rejects.toThrow(error); // biome-ignore format: one line
    await expect(cache.setIfAbsent('k', 1, { tags })).rejects.toThrow(error);
    await expect(cache.increment('k', 1, { tags })).rejects.toThrow(error);
    await expect(cache.getOrSet('k', factory, { tags })).rejects.toThrow(error);
    expect(factory).not.toHaveBeenCalled();
    await expect(cache.getOrSet('k', ({ setOptions }) => setOptions({ tags }))).rejects.toThrow(error);
    // Any number may be invalidated together.
    if (!(Array.isArray(given) && given.length > 64)) await expect(cache.invalidateTags(tags)).rejects.toThrow(error);
    expect(l2.sent.filter((sent) => /write|fill|bump|increment/i.test(sent))).toEqual([]);
    expect([cache.peek('k'), cache.peek('ok')]).toEqual([undefined, undefined]);
  });

  it('undefined and an empty list are no tags', async () => {
    const cache = inMemory();
    await cache.set('a', 1, { tags: [] });
    await cache.set('b', 2, loosely({ tags: undefined }));
    expect((await cache.getEntry('a'))?.tags).toEqual([]);
    expect([...(await cache.getMany(['a', 'b'])).values()]).toEqual([1, 2]);
  });

  it('64 are taken, and one that is named twice is one', async () => {
    const cache = inMemory();
    const tags = Array.from({ length: 64 }, (_, index) => `t${index}`);
    await cache.set('k', 1, { tags: [...tags, ...tags] });
    expect((await cache.getEntry('k'))?.tags).toEqual(tags);
    await cache.getOrSet('made', ({ setOptions }) => {
      setOptions({ tags: tags.slice(10) });
      return 1;
    }, { tags: tags.slice(0, 20) }); // biome-ignore format: one call
    expect((await cache.getEntry('made'))?.tags).toEqual(tags);
  });
});

describe('invalidateTags', () => {
  it('takes any iterable, walks it once, and does nothing for an empty one', async () => {
    const cache = inMemory();
    const heard = vi.fn();
    cache.on('invalidate:tags', heard);
    function* tags() {
      yield 'a';
      yield 'b';
      yield 'a';
    }
    await cache.setMany([['x', 1, { tags: ['a'] }], ['y', 1, { tags: ['b'] }], ['z', 1, { tags: ['c'] }]]); // biome-ignore format: one line
    await cache.invalidateTags([]);
    expect(heard).not.toHaveBeenCalled();
    await cache.invalidateTags(tags());
    expect([...(await cache.getMany(['x', 'y', 'z'])).keys()]).toEqual(['z']);
    expect(heard.mock.calls).toEqual([[{ tags: ['a', 'b'], soft: false }]]);
    await cache.invalidateTags(new Set(['c']));
    expect(cache.peek('z')).toBeUndefined();
  });

  it('checks all of them before it invalidates any', async () => {
    const cache = inMemory();
    await cache.set('k', 1, { tags: ['a'] });
    await expect(cache.invalidateTags(['a', ''])).rejects.toThrow(InvalidKeyError);
    expect(cache.peek('k')).toBe(1);
  });

  it('of a million tags', async () => {
    const cache = inMemory();
    await cache.setMany([['k', 1, { tags: ['t999999'] }], ['other', 1, { tags: ['x'] }]]); // biome-ignore format: one line
    await cache.invalidateTags(Array.from({ length: 1_000_000 }, (_, index) => `t${index}`));
    expect([cache.peek('k'), cache.peek('other')]).toEqual([undefined, 1]);
  });
});

describe('over a tier that keeps no versions tags are an UnsupportedError, and nothing is written', () => {
  it.each([['a tiered cache'], ['a plain one']])('%s', async (kind) => {
    const inner = kind === 'a plain one' ? new ReferenceCache(new Map(), 'inner') : inMemory();
    const cache = kept(cacheBuilder('outer').memory().tier(inner).build());
    const tags = ['a'];
    const calls: (() => Promise<unknown>)[] = [
      () => cache.set('k', 1, { tags }),
      () => cache.setMany([['k', 1, { tags }]]),
      () => cache.setMany([['k', 1]], { tags }),
      () => cache.setIfAbsent('k', 1, { tags }),
      () => cache.increment('k', 1, { tags }),
      () => cache.getOrSet('k', () => 1, { tags }),
      () => cache.getOrSet('k', ({ setOptions }) => setOptions({ tags })),
      () => cache.invalidateTags(tags),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(UnsupportedError);
    expect([await cache.get('k'), await inner.get('k')]).toEqual([undefined, undefined]);
    await cache.set('k', 1, { tags: [] });
    expect(await inner.get('k')).toBe(1);
  });

  it('clear and soft deletes work all the same', async () => {
    const inner = inMemory();
    const cache = kept(cacheBuilder('outer').memory().tier(inner).grace('1h').build());
    const users = cache.namespace('users');
    await Promise.all([cache.set('a', 1), users.set('a', 1), cache.set('soft', 1)]);
    await users.clear();
    expect([await cache.get('a'), await users.get('a'), await inner.get('users:a')]).toEqual([1, undefined, undefined]);
    expect(await cache.delete('soft', { soft: true })).toBe(true);
    expect([await cache.get('soft'), (await cache.getEntry('soft'))?.value]).toEqual([undefined, 1]);
    await cache.clear();
    expect(await inner.get('a')).toBeUndefined();
  });
});

it('a soft delete counts at once, by the clock of hits too, which lags', async () => {
  const cache = inMemory();
  await cache.set('k', 1);
  expect(cache.peek('k')).toBe(1);
  const lagging = Date.now() + 20;
  while (Date.now() < lagging);
  const softened = cache.delete('k', { soft: true });
  expect(cache.peek('k')).toBeUndefined();
  expect(await softened).toBe(true);
  expect((await cache.getEntry('k'))?.value).toBe(1);
});

describe('what is changed through the whole cache stays in its namespace', () => {
  it.each<[string, (cache: TieredCache) => Promise<unknown>, unknown]>([
    ['expire', (cache) => cache.expire('users:n', '1h'), 1],
    ['increment', (cache) => cache.increment('users:n'), 2],
    ['a soft delete', (cache) => cache.delete('users:n', { soft: true }), 1],
  ])('%s', async (_, change, value) => {
    const cache = inMemory();
    const users = cache.namespace('users');
    await users.set('n', 1, { tags: ['t'] });
    await change(cache);
    expect(await users.getEntry('n')).toMatchObject({ value, tags: ['t'] });
    await users.clear();
    expect(await cache.getEntry('users:n')).toBeUndefined();
  });
});

it('what is set through the whole cache under such a key is no part of the namespace, which replaces it', async () => {
  const cache = inMemory();
  const users = cache.namespace('users');
  await cache.set('users:n', 1);
  expect([await users.get('n'), await cache.get('users:n')]).toEqual([undefined, 1]);
  await users.clear();
  expect(await cache.get('users:n')).toBe(1);
  expect(await users.setIfAbsent('n', 2)).toBe(true);
  expect([await users.get('n'), await cache.get('users:n')]).toEqual([2, 2]);
});

describe('in memory alone', () => {
  it('a tag that is invalidated while the factory runs beats what it makes, named before or by it', async () => {
    const cache = inMemory();
    for (const named of [true, false]) {
      const gate = deferred();
      const answer = cache.getOrSet('k', async ({ setOptions }) => {
        await gate.promise;
        if (!named) setOptions({ tags: ['t'] });
        return 'old';
      }, named ? { tags: ['t'] } : {}); // biome-ignore format: one call
      await cache.invalidateTags(['t']);
      expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
      gate.resolve();
      expect(await answer).toBe('old');
      expect(await cache.get('k')).toBe('new');
      await cache.clear();
    }
  });

  it('of 100,000 tags those that are still known work, and the others make misses, nothing stale', async () => {
    const cache = inMemory(100_000);
    for (let index = 0; index < 100_000; index += 1) await cache.set(`k${index}`, index, { tags: [`t${index}`] });
    expect(cache.peek('k99999')).toBe(99_999);
    await cache.invalidateTags(['t99999', 't0']);
    expect([cache.peek('k99999'), cache.peek('k0'), cache.peek('k99998')]).toEqual([undefined, undefined, 99_998]);
    await cache.clear();
    expect(cache.stats().entries).toBe(0);
  });

  it('of 20,000 namespaces each clears itself alone, forgotten or not', async () => {
    const cache = inMemory(50_000);
    const last = 19_999;
    const of = (index: number) => cache.namespace(`n${index}`);
    for (let index = 0; index <= last; index += 1) await of(index).set('a', index);
    const present = () => [of(0).peek('a'), of(1).peek('a'), of(last - 1).peek('a'), of(last).peek('a')];
    expect(present().slice(2)).toEqual([last - 1, last]);
    await of(0).set('a', 0);
    await of(1).set('a', 1);
    await of(0).clear();
    await of(last).clear();
    expect(present()).toEqual([undefined, 1, last - 1, undefined]);
    await cache.clear();
    expect(present()).toEqual([undefined, undefined, undefined, undefined]);
  });
});
