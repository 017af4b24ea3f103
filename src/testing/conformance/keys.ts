import assert from 'node:assert/strict';
import type { Cache } from '../../cache.js';
import { InvalidKeyError } from '../../errors.js';
import { type ConformanceCase, conforms } from './conformance-case.js';

/** Keys that are unusual and yet keys. */
const unusual: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  ' ',
  'with spaces',
  'line\nend\r\n',
  '\0',
  '*',
  '?[a]\\',
  '{',
  '}',
  '{}',
  '}{',
  '{a}',
  'a',
  '{a}b',
  'a}b',
  'a{b}c',
  '{{a}}',
  ':',
  'a:b:c',
  '😀',
  'é',
  'e\u0301',
  'ключ',
  'x'.repeat(400),
  '語'.repeat(130),
];

const bad: readonly (readonly [what: string, key: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 42],
  ['an object', {}],
  ['an array', ['a']],
  ['a symbol', Symbol('s')],
  ['empty', ''],
  ['513 bytes', 'x'.repeat(513)],
  ['257 characters of two bytes each', 'é'.repeat(257)],
  ['a megabyte', 'x'.repeat(1_000_000)],
  ['half a surrogate pair', 'a\ud800b'],
];

/** Every call that takes a key. */
const calls: readonly (readonly [name: string, call: (cache: Cache, key: string) => Promise<unknown>])[] = [
  ['get', (cache, key) => cache.get(key)],
  ['getEntry', (cache, key) => cache.getEntry(key)],
  ['getMany', (cache, key) => cache.getMany(['good', key])],
  ['set', (cache, key) => cache.set(key, 1)],
  ['setMany', (cache, key) => cache.setMany([['good', 'new'], [key, 1]])], // biome-ignore format: pairs
  ['setIfAbsent', (cache, key) => cache.setIfAbsent(key, 1)],
  ['has', (cache, key) => cache.has(key)],
  ['delete', (cache, key) => cache.delete(key)],
  ['deleteMany', (cache, key) => cache.deleteMany(['good', key])],
  ['ttl', (cache, key) => cache.ttl(key)],
  ['expire', (cache, key) => cache.expire(key, '1m')],
  ['increment', (cache, key) => cache.increment(key)],
];

export const keyCases: readonly ConformanceCase[] = [
  conforms('an unusual key is a key like any other', async ({ cache }) => {
    for (const key of unusual) {
      assert.equal(await cache.get(key), undefined, `get(${JSON.stringify(key)}) before it was set`);
      await cache.set(key, { key });
      assert.deepStrictEqual(await cache.get(key), { key });
      assert.equal(await cache.has(key), true);
    }
    for (const key of unusual) {
      assert.deepStrictEqual(await cache.get(key), { key }, `${JSON.stringify(key)} is not another one's`);
    }
    for (const key of unusual) assert.equal(await cache.delete(key), true, `delete(${JSON.stringify(key)})`);
  }),
  conforms('unusual keys go through the batch calls', async ({ cache }) => {
    const entries = unusual.map((key, i): [string, number] => [key, i]);
    await cache.setMany(entries);
    assert.deepStrictEqual([...(await cache.getMany(unusual))], entries);
    assert.equal(await cache.deleteMany(unusual), unusual.length);
    assert.deepStrictEqual(await cache.getMany(unusual), new Map());
  }),
  conforms('unusual keys can be counted, expired and set once', async ({ cache }) => {
    for (const key of unusual) {
      assert.equal(await cache.setIfAbsent(key, 1), true, JSON.stringify(key));
      assert.equal(await cache.setIfAbsent(key, 2), false, JSON.stringify(key));
      assert.equal(await cache.increment(key), 2, JSON.stringify(key));
      assert.equal(await cache.expire(key, '1h'), true, JSON.stringify(key));
      assert.ok(((await cache.ttl(key)) ?? 0) > 3_000_000, JSON.stringify(key));
    }
  }),
  ...calls.map(([name, call]) =>
    conforms(`${name} refuses what is no key, and does nothing`, async ({ cache }) => {
      await cache.set('good', 'old');
      for (const [what, key] of bad) {
        await assert.rejects(call(cache, key as string), InvalidKeyError, `${name}() with a key that is ${what}`);
      }
      assert.equal(await cache.get('good'), 'old');
    }),
  ),
];
