import assert from 'node:assert/strict';
import { ClosedError, ConfigError, InvalidKeyError } from '../../errors.js';
import { type ConformanceCase, conformsByTags, type TaggedCache } from './conformance-case.js';

async function present(cache: TaggedCache, keys: readonly string[]): Promise<string[]> {
  return [...(await cache.getMany(keys)).keys()];
}

const unusual = [
  'a b',
  'a,b',
  'a=b',
  'a/b',
  '{a}',
  'a{b}c',
  '{}',
  '100%',
  '%2C',
  '-',
  '~',
  '\n',
  '*',
  'é',
  '😀',
  '__proto__',
  'x'.repeat(512),
];

/** As plain JavaScript would give them. */
const badTags: readonly (readonly [tags: unknown, error: typeof ConfigError])[] = [
  ['org:1', ConfigError],
  [null, ConfigError],
  [1, ConfigError],
  [{}, ConfigError],
  [[''], InvalidKeyError],
  [[1], InvalidKeyError],
  [[undefined], InvalidKeyError],
  [['\ud83d'], InvalidKeyError],
  [['x'.repeat(513)], InvalidKeyError],
];

/** Tags, where a cache has them. */
export const tagCases: readonly ConformanceCase[] = [
  conformsByTags('invalidateTags ends what carries one of the tags, whichever call set it', async ({ cache }) => {
    const tags = ['t'];
    await cache.set('set', 1, { tags });
    await cache.setMany([['all', 1], ['own', 1, { tags: ['other'] }]], { tags }); // biome-ignore format: one line
    await cache.setIfAbsent('absent', 1, { tags });
    await cache.increment('count', 1, { tags: ['u', 't', 'u'] });
    await cache.set('none', 1);
    const keys = ['set', 'all', 'own', 'absent', 'count', 'none'];
    assert.deepStrictEqual(await present(cache, keys), keys);
    assert.deepStrictEqual((await cache.getEntry('count'))?.tags, ['u', 't']);
    assert.equal(await cache.invalidateTags(tags), undefined);
    assert.deepStrictEqual(await present(cache, keys), ['own', 'none']);
    for (const key of ['set', 'all', 'absent', 'count']) assert.equal(await cache.getEntry(key), undefined, `${key} is gone`);
    assert.equal(await cache.setIfAbsent('absent', 2), true);
    assert.equal(await cache.increment('count', 2), 2);
    assert.equal(await cache.expire('set', '1h'), false);
  }),
  conformsByTags('a tag can be used again after it was invalidated', async ({ cache }) => {
    for (const value of [1, 2, 3]) {
      await cache.set('k', value, { tags: ['t'] });
      assert.equal(await cache.get('k'), value);
      await cache.invalidateTags(['t']);
      assert.equal(await cache.get('k'), undefined);
    }
  }),
  conformsByTags('a tag may be any text, and is no other', async ({ cache }) => {
    await cache.setMany(unusual.map((tag): [string, string, { tags: string[] }] => [tag, tag, { tags: [tag] }]));
    for (const [index, tag] of unusual.entries()) {
      assert.deepStrictEqual((await cache.getEntry(tag))?.tags, [tag]);
      await cache.invalidateTags([tag]);
      assert.deepStrictEqual(await present(cache, unusual), unusual.slice(index + 1), `after ${JSON.stringify(tag)}`);
    }
  }),
  conformsByTags('invalidateTags takes any iterable, of any length, and nothing', async ({ cache }) => {
    await cache.setMany([['a', 1, { tags: ['t299'] }], ['b', 1, { tags: ['x'] }]]); // biome-ignore format: one line
    await cache.invalidateTags([]);
    assert.deepStrictEqual(await present(cache, ['a', 'b']), ['a', 'b']);
    function* tags() {
      for (let index = 0; index < 300; index += 1) yield `t${index}`;
    }
    await cache.invalidateTags(tags());
    assert.deepStrictEqual(await present(cache, ['a', 'b']), ['b']);
    await cache.invalidateTags(new Set(['x']));
    assert.deepStrictEqual(await present(cache, ['b']), []);
  }),
  conformsByTags('what is softly invalidated is stale, and gone after the next hard one', async ({ cache }) => {
    await cache.set('k', 1, { tags: ['t'], grace: '1h' });
    await cache.set('graceless', 1, { tags: ['t'], grace: 0 });
    await cache.invalidateTags(['t'], { soft: true });
    assert.deepStrictEqual(await present(cache, ['k', 'graceless']), []);
    assert.equal((await cache.getEntry('k'))?.value, 1);
    assert.equal(await cache.getEntry('graceless'), undefined);
    await cache.invalidateTags(['t']);
    assert.equal(await cache.getEntry('k'), undefined);
  }),
  conformsByTags('tags stay through expire and increment, and a later write has its own', async ({ cache }) => {
    await cache.setMany(['a', 'b', 'c'].map((key): [string, number] => [key, 1]), { tags: ['t'] }); // biome-ignore format: one line
    await cache.expire('a', '2h');
    await cache.increment('b');
    await cache.set('c', 2, { tags: ['u'] });
    await cache.invalidateTags(['t']);
    assert.deepStrictEqual(await present(cache, ['a', 'b', 'c']), ['c']);
    await cache.set('c', 3);
    await cache.invalidateTags(['u']);
    assert.equal(await cache.get('c'), 3);
  }),
  conformsByTags('tags that are none are refused, and nothing is done', async ({ cache }) => {
    await cache.set('k', 1, { tags: ['good'] });
    for (const [bad, error] of badTags) {
      const tags = bad as string[];
      const what = JSON.stringify(bad);
      await assert.rejects(() => cache.set('k', 2, { tags }), error, `set() with ${what}`);
      await assert.rejects(() => cache.setMany([['k', 2], ['x', 2, { tags }]]), error, `setMany() with ${what}`); // biome-ignore format: one line
      await assert.rejects(() => cache.setIfAbsent('x', 2, { tags }), error, `setIfAbsent() with ${what}`);
      await assert.rejects(() => cache.increment('k', 2, { tags }), error, `increment() with ${what}`);
      await assert.rejects(() => cache.invalidateTags(tags), error, `invalidateTags() of ${what}`);
    }
    await assert.rejects(() => cache.invalidateTags(['good', '']), InvalidKeyError);
    assert.equal(await cache.get('k'), 1);
    assert.equal(await cache.get('x'), undefined);
  }),
  conformsByTags('an entry takes 64 tags and no more', async ({ cache }) => {
    const tags = Array.from({ length: 64 }, (_, index) => `t${index}`);
    await cache.set('k', 1, { tags });
    assert.deepStrictEqual((await cache.getEntry('k'))?.tags, tags);
    await assert.rejects(() => cache.set('k', 2, { tags: [...tags, 'one more'] }), ConfigError);
    await cache.invalidateTags(['t63']);
    assert.equal(await cache.get('k'), undefined);
  }),
  conformsByTags('tags of another cache are others, and clear is no matter of tags', async ({ cache, name, another }) => {
    const other = (await another(`${name}-b`)) as TaggedCache;
    for (const one of [cache, other]) await one.setMany([['a', 1, { tags: ['t'] }], ['b', 1]]); // biome-ignore format: one line
    await cache.invalidateTags(['t']);
    assert.deepStrictEqual(await present(other, ['a', 'b']), ['a', 'b']);
    await other.clear();
    assert.deepStrictEqual(await present(other, ['a', 'b']), []);
    assert.deepStrictEqual(await present(cache, ['a', 'b']), ['b']);
  }),
  conformsByTags('a closed cache refuses invalidateTags', async ({ cache }) => {
    await cache.close();
    await assert.rejects(() => cache.invalidateTags(['t']), ClosedError);
  }),
];
