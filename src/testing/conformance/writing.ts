import assert from 'node:assert/strict';
import { type ConformanceCase, conforms } from './conformance-case.js';
import { assertLife } from './timing.js';

/** set and setMany. */
export const writingCases: readonly ConformanceCase[] = [
  conforms('set replaces a value, whatever its type', async ({ cache }) => {
    for (const value of ['text', 7, { a: 1 }, [1], null, new Date(3), 'text again']) {
      await cache.set('k', value);
      assert.deepStrictEqual(await cache.get('k'), value);
    }
  }),
  conforms('set leaves other keys alone', async ({ cache }) => {
    await cache.set('a', 1);
    await cache.set('b', 2);
    await cache.set('a', 3);
    assert.equal(await cache.get('b'), 2);
  }),
  conforms('set by many at once stores every key', async ({ cache }) => {
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key, i) => cache.set(key, i)));
    assert.deepStrictEqual(await Promise.all(keys.map((key) => cache.get(key))), keys.map((_, i) => i)); // biome-ignore format: two lists
  }),
  conforms('a megabyte of text comes back', async ({ cache }) => {
    const text = 'añ語😀'.repeat(100_000);
    await cache.set('large', text, { budget: '30s' });
    assert.ok((await cache.get('large', { budget: '30s' })) === text, 'the text is unchanged');
  }),
  conforms('setMany stores all, the later of two values for one key', async ({ cache }) => {
    await cache.setMany([
      ['a', 'first'],
      ['b', 2],
      ['a', 'second'],
    ]);
    assert.equal(await cache.get('a'), 'second');
    assert.equal(await cache.get('b'), 2);
  }),
  conforms('setMany of nothing does nothing', async ({ cache }) => {
    assert.equal(await cache.setMany([]), undefined);
  }),
  conforms('setMany takes any iterable, the Map of getMany too', async ({ cache }) => {
    function* entries(): Iterable<[string, number]> {
      yield ['a', 1];
      yield ['b', 2];
    }
    await cache.setMany(entries());
    const read = await cache.getMany(['b', 'a']);
    await cache.deleteMany(read.keys());
    await cache.setMany(read);
    assert.deepStrictEqual(await cache.getMany(['b', 'a']), read);
    assert.equal(read.size, 2);
  }),
  conforms('setMany takes options for all and for each', async ({ cache }) => {
    await cache.setMany(
      [
        ['a', 1, { ttl: '2h' }],
        ['b', 2],
      ],
      { ttl: '1h', grace: '1m' },
    );
    const [a, b] = [await cache.getEntry('a'), await cache.getEntry('b')];
    assert.ok(a !== undefined && b !== undefined, 'both are there');
    assertLife(a.freshUntil - a.createdAt, 7_200_000, "the one's own TTL");
    assertLife(b.freshUntil - b.createdAt, 3_600_000, 'the TTL for all');
    assertLife(a.expiresAt - a.freshUntil, 60_000, 'the grace for all');
  }),
  conforms('setMany writes nothing when the iterable fails', async ({ cache }) => {
    function* entries(): Iterable<[string, number]> {
      yield ['a', 1];
      throw new RangeError('no more');
    }
    await assert.rejects(cache.setMany(entries()), RangeError);
    assert.equal(await cache.get('a'), undefined);
  }),
  conforms('a thousand keys go through each batch call', async ({ cache }) => {
    const entries = Array.from({ length: 1_000 }, (_, i): [string, number] => [`key-${i}`, i]);
    await cache.setMany(entries, { budget: '30s' });
    const keys = entries.map(([key]) => key);
    assert.deepStrictEqual([...(await cache.getMany(keys, { budget: '30s' }))], entries);
    assert.equal(await cache.deleteMany(keys, { budget: '30s' }), 1_000);
  }),
];
