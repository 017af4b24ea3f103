import assert from 'node:assert/strict';
import { type ConformanceCase, conforms } from './conformance-case.js';
import { assertLife } from './timing.js';

/** get, getEntry, has and getMany. */
export const readingCases: readonly ConformanceCase[] = [
  conforms('get of an absent key is undefined', async ({ cache }) => {
    assert.equal(await cache.get('absent'), undefined);
  }),
  conforms('get gives back what was set', async ({ cache }) => {
    await cache.set('k', { id: 42, tags: ['a', 'b'], nested: { deep: [null, true, 1.5] } });
    assert.deepStrictEqual(await cache.get('k'), { id: 42, tags: ['a', 'b'], nested: { deep: [null, true, 1.5] } });
    assert.equal(await cache.get('K'), undefined);
    assert.equal(await cache.get('k '), undefined);
  }),
  conforms('get does not use a value up', async ({ cache }) => {
    await cache.set('k', 'v');
    for (let i = 0; i < 3; i += 1) assert.equal(await cache.get('k'), 'v');
  }),
  conforms('has is true for a value, falsy ones too, and false without one', async ({ cache }) => {
    assert.equal(await cache.has('k'), false);
    for (const value of [null, 0, false, '', 'x']) {
      await cache.set('k', value);
      assert.equal(await cache.has('k'), true, `has() of ${JSON.stringify(value)}`);
    }
  }),
  conforms('getEntry of an absent key is undefined', async ({ cache }) => {
    assert.equal(await cache.getEntry('absent'), undefined);
  }),
  conforms('getEntry has the value and its times', async ({ cache }) => {
    const before = Date.now();
    await cache.set('k', { a: 1 }, { ttl: '1m', grace: '1h' });
    const entry = await cache.getEntry('k');
    assert.ok(entry !== undefined, 'there is an entry');
    assert.deepStrictEqual(entry.value, { a: 1 });
    assertLife(entry.freshUntil - entry.createdAt, 60_000, 'the TTL');
    assertLife(entry.expiresAt - entry.freshUntil, 3_600_000, 'the grace');
    assert.ok(Math.abs(entry.createdAt - before) < 5_000, 'createdAt is about now');
    assert.equal(entry.cost, 0);
  }),
  conforms('getEntry has another stamp for every write', async ({ cache }) => {
    const stamps = new Set<string | undefined>();
    for (let i = 0; i < 3; i += 1) {
      await cache.set('k', 'same');
      stamps.add((await cache.getEntry('k'))?.stamp);
      assert.equal((await cache.getEntry('k'))?.stamp, [...stamps].at(-1), 'a read leaves the stamp alone');
    }
    assert.equal(stamps.size, 3);
    assert.ok(!stamps.has(undefined) && !stamps.has(''), 'every entry has a stamp');
  }),
  conforms('getMany keeps the order asked and leaves misses out', async ({ cache }) => {
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    const found = await cache.getMany(['c', 'absent', 'a', 'b']);
    assert.ok(found instanceof Map, 'getMany gives a Map');
    assert.deepStrictEqual([...found], [['c', 3], ['a', 1], ['b', 2]]); // biome-ignore format: pairs
  }),
  conforms('getMany asks for a key once that is named twice', async ({ cache }) => {
    await cache.set('a', 1);
    await cache.set('b', 2);
    assert.deepStrictEqual([...(await cache.getMany(['a', 'b', 'a']))], [['a', 1], ['b', 2]]); // biome-ignore format: pairs
  }),
  conforms('getMany gives falsy and structured values', async ({ cache }) => {
    const values: [string, unknown][] = [['null', null], ['zero', 0], ['false', false], ['empty', ''], ['date', new Date(5)]]; // biome-ignore format: pairs
    await cache.setMany(values);
    assert.deepStrictEqual([...(await cache.getMany(values.map(([key]) => key)))], values);
  }),
  conforms('getMany of nothing is an empty Map', async ({ cache }) => {
    assert.deepStrictEqual(await cache.getMany([]), new Map());
    assert.deepStrictEqual(await cache.getMany(['x', 'y']), new Map());
  }),
  conforms('getMany takes any iterable', async ({ cache }) => {
    await cache.set('k1', 1);
    function* keys() {
      yield 'k0';
      yield 'k1';
    }
    assert.deepStrictEqual([...(await cache.getMany(keys()))], [['k1', 1]]);
    assert.deepStrictEqual([...(await cache.getMany(new Set(['k1'])))], [['k1', 1]]);
  }),
];
