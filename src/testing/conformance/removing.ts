import assert from 'node:assert/strict';
import type { Cache } from '../../cache.js';
import { type ConformanceCase, conforms } from './conformance-case.js';

async function fill(cache: Cache, keys: readonly string[]): Promise<void> {
  await cache.setMany(keys.map((key): [string, string] => [key, key]));
}

async function left(cache: Cache, keys: readonly string[]): Promise<string[]> {
  return [...(await cache.getMany(keys)).keys()];
}

/** A pattern, the keys it must remove and those it must leave. */
type PatternRow = readonly [what: string, pattern: string, removed: readonly string[], kept: readonly string[]];

const patterns: readonly PatternRow[] = [
  ['* takes any number of characters', 'user:*', ['user:1', 'user:1:x', 'user:\n', 'user:{a}'], ['user', 'users:1', 'xuser:1']],
  ['? takes one character', 'user:?', ['user:1', 'user:*'], ['user:', 'user:12']],
  ['? takes a whole character of any script', 'u?r', ['uér', 'u語r', 'u😀r'], ['ur', 'uéér']],
  ['a class takes one of its characters', 'k[abc]', ['ka', 'kc'], ['kd', 'kab', 'k']],
  ['a class takes a range', 'k[b-d]', ['kb', 'kd'], ['ka', 'k-', 'ke']],
  ['a negated class takes any other', 'k[^a]', ['kb', 'ké', 'k^'], ['ka', 'k']],
  ['a backslash takes a wildcard as itself', 'a\\*\\?\\[b\\]', ['a*?[b]'], ['axx[b]', 'a\\*\\?\\[b\\]', 'ab']],
  ['a backslash takes itself', 'a\\\\b', ['a\\b'], ['ab', 'a\\\\b']],
  ['what is special elsewhere is literal', 'a.b+c(d)|{e}$^,', ['a.b+c(d)|{e}$^,'], ['axb+c(d)|{e}$^,', 'a.bbc', '{e}']],
  ['wildcards may stand anywhere', '*:[0-9]?:*x', ['a:1b:x', '::23:xx'], ['a:1:x', 'a:1b:y', 'a:b1:x']],
  ['braces are found wherever they stand', '*b*', ['b', '{b}', 'a{b}c', '}b', 'b{', 'a}b'], ['{a}', '{}', '}{']],
  ['a whole key is a pattern for itself', 'plain', ['plain'], ['plain2', 'xplain', 'PLAIN']],
];

/** delete, deleteMany, deletePattern and clear. */
export const removingCases: readonly ConformanceCase[] = [
  conforms('delete removes a value and says whether there was one', async ({ cache }) => {
    await fill(cache, ['a', 'b']);
    assert.equal(await cache.delete('a'), true);
    assert.equal(await cache.get('a'), undefined);
    assert.equal(await cache.has('a'), false);
    assert.equal(await cache.getEntry('a'), undefined);
    assert.equal(await cache.delete('a'), false);
    assert.equal(await cache.delete('absent'), false);
    assert.equal(await cache.get('b'), 'b');
  }),
  conforms('delete removes falsy values', async ({ cache }) => {
    for (const value of [null, 0, false, '']) {
      await cache.set('k', value);
      assert.equal(await cache.delete('k'), true, `delete() of ${JSON.stringify(value)}`);
      assert.equal(await cache.get('k'), undefined);
    }
  }),
  conforms('a deleted key can be set again', async ({ cache }) => {
    await cache.set('k', 1);
    await cache.delete('k');
    await cache.set('k', 2);
    assert.equal(await cache.get('k'), 2);
  }),
  conforms('deleteMany removes many and says how many were there', async ({ cache }) => {
    await fill(cache, ['a', 'b', 'c']);
    function* keys() {
      yield 'a';
      yield 'absent';
      yield 'c';
      yield 'a';
    }
    assert.equal(await cache.deleteMany(keys()), 2);
    assert.deepStrictEqual(await left(cache, ['a', 'b', 'c']), ['b']);
    assert.equal(await cache.deleteMany([]), 0);
    assert.equal(await cache.deleteMany(['a', 'absent']), 0);
  }),
  ...patterns.map(([what, pattern, removed, kept]) =>
    conforms(`deletePattern: ${what}`, async ({ cache }) => {
      await fill(cache, [...removed, ...kept]);
      assert.equal(await cache.deletePattern(pattern), removed.length, `keys that match ${JSON.stringify(pattern)}`);
      assert.deepStrictEqual(await left(cache, [...removed, ...kept]), kept);
    }),
  ),
  conforms('deletePattern without a match removes nothing', async ({ cache }) => {
    await fill(cache, ['a', 'b']);
    assert.equal(await cache.deletePattern('c*'), 0);
    assert.deepStrictEqual(await left(cache, ['a', 'b']), ['a', 'b']);
  }),
  conforms('deletePattern counts a key once and finds it once', async ({ cache }) => {
    const keys = Array.from({ length: 300 }, (_, i) => `item:${i}`);
    await fill(cache, [...keys, 'other']);
    assert.equal(await cache.deletePattern('item:*', { budget: '30s' }), 300);
    assert.equal(await cache.deletePattern('item:*', { budget: '30s' }), 0);
    assert.deepStrictEqual(await left(cache, [...keys, 'other']), ['other']);
  }),
  conforms('clear removes everything', async ({ cache }) => {
    const keys = ['a', 'b:c', '{d}', 'e{f}g', '}h', '__proto__', 'i*'];
    await fill(cache, keys);
    assert.equal(await cache.clear(), undefined);
    assert.deepStrictEqual(await left(cache, keys), []);
    await cache.clear();
    await cache.set('a', 1);
    assert.equal(await cache.get('a'), 1);
  }),
  conforms('clear and deletePattern leave caches alone whose name only begins alike', async ({ cache, name, another }) => {
    const longer = await another(`${name}2`);
    const dashed = await another(`${name}-b`);
    for (const one of [cache, longer, dashed]) await fill(one, ['a', '2:a', '{a}b']);
    await cache.clear();
    await cache.deletePattern('*');
    assert.deepStrictEqual(await left(cache, ['a', '2:a', '{a}b']), []);
    assert.deepStrictEqual(await left(longer, ['a', '2:a', '{a}b']), ['a', '2:a', '{a}b']);
    assert.equal(await dashed.deletePattern('*'), 3);
    await longer.clear();
    assert.deepStrictEqual(await left(longer, ['a', '2:a', '{a}b']), []);
  }),
];
