import assert from 'node:assert/strict';
import { CacheError, InvalidValueError } from '../../errors.js';
import { type ConformanceCase, conforms } from './conformance-case.js';
import { assertLife, clockTolerance, delay, eventually, goneAfter, inTime } from './timing.js';

/** setIfAbsent and increment. */
export const atomicCases: readonly ConformanceCase[] = [
  conforms('setIfAbsent stores a value only where there is none', async ({ cache }) => {
    assert.equal(await cache.setIfAbsent('k', 'first'), true);
    assert.equal(await cache.setIfAbsent('k', 'second'), false);
    assert.equal(await cache.get('k'), 'first');
    await cache.delete('k');
    assert.equal(await cache.setIfAbsent('k', { third: new Date(3) }), true);
    assert.deepStrictEqual(await cache.get('k'), { third: new Date(3) });
  }),
  conforms('setIfAbsent counts falsy values as values', async ({ cache }) => {
    for (const value of [null, 0, false, '']) {
      await cache.set('k', value);
      assert.equal(await cache.setIfAbsent('k', 'other'), false, `over ${JSON.stringify(value)}`);
      assert.equal(await cache.get('k'), value);
    }
  }),
  conforms('setIfAbsent by twenty at once has one winner', async ({ cache }) => {
    const values = Array.from({ length: 20 }, (_, i) => `value ${i}`);
    const won = await Promise.all(values.map((value) => cache.setIfAbsent('k', value)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(await cache.get('k'), values[won.indexOf(true)]);
  }),
  conforms('setIfAbsent leaves the life of what is there alone, and gives its own to what is new', async ({ cache }) => {
    await cache.setIfAbsent('k', 1, { ttl: '1h' });
    await cache.setIfAbsent('k', 2, { ttl: '1m' });
    assert.ok(((await cache.ttl('k')) ?? 0) > 3_000_000, 'about an hour is left');
  }),
  conforms('setIfAbsent stores over a value whose TTL is over, in its grace too', async ({ cache }) => {
    const start = performance.now();
    await cache.set('k', 'old', { ttl: '200ms', grace: '1h' });
    await goneAfter(200, start, () => cache.setIfAbsent('k', 'new'));
    assert.equal(await cache.get('k'), 'new');
  }),
  conforms('increment counts from 0, by 1 unless told otherwise', async ({ cache }) => {
    assert.equal(await cache.increment('k'), 1);
    assert.equal(await cache.increment('k'), 2);
    assert.equal(await cache.increment('k', 40), 42);
    assert.equal(await cache.get('k'), 42);
    assert.equal(await cache.increment('from below', -3), -3);
    assert.equal(await cache.increment('from below', 5), 2);
    assert.equal(await cache.increment('by nothing', 0), 0);
    assert.equal(await cache.get('by nothing'), 0);
  }),
  conforms('increment adds to a number that was set', async ({ cache }) => {
    await cache.set('k', 10);
    assert.equal(await cache.increment('k', -11), -1);
    assert.equal(await cache.get('k'), -1);
  }),
  conforms('increment adds fractions and large numbers as JavaScript does', async ({ cache }) => {
    let sum = 0;
    for (const by of [0.1, 0.2, 1e15, -0.7, 1e-7, 2 ** 52, 1e21, 0.3]) {
      sum += by;
      assert.equal(await cache.increment('k', by), sum);
      assert.equal(await cache.get('k'), sum);
    }
  }),
  conforms('increment by a hundred at once loses none', async ({ cache }) => {
    const results = await Promise.all(Array.from({ length: 100 }, () => cache.increment('k')));
    assert.deepStrictEqual(results.toSorted((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i + 1)); // biome-ignore format: two lists
    assert.equal(await cache.get('k'), 100);
  }),
  conforms('increment gives an absent key its TTL and keeps the life of a present one', async ({ cache }) => {
    const { ms, start } = await inTime(async (life) => {
      await cache.delete('k');
      await cache.increment('k', 1, { ttl: `${life}ms` });
      assert.ok(((await cache.ttl('k')) ?? 0) <= life + clockTolerance, 'the TTL is the one given');
      await cache.increment('k', 1, { ttl: '1h' });
    });
    await goneAfter(ms, start, async () => (await cache.get('k')) === undefined);
  }),
  conforms('increment makes a new stamp and keeps the grace', async ({ cache }) => {
    await cache.set('k', 1, { ttl: '1m', grace: '1h' });
    const before = await cache.getEntry('k');
    await cache.increment('k', 1, { ttl: '1h', grace: '2h' });
    const after = await cache.getEntry('k');
    assert.ok(before !== undefined && after !== undefined, 'the entry is there');
    assert.notEqual(after.stamp, before.stamp);
    // What is thought of a server's clock may change between two reads.
    assert.ok(Math.abs(after.freshUntil - before.freshUntil) < 5_000, 'freshUntil stays');
    assertLife(after.expiresAt - after.freshUntil, 3_600_000, 'the grace');
  }),
  conforms('increment counts anew when the TTL is over, in the grace too', async ({ cache }) => {
    await cache.set('k', 5, { ttl: '150ms', grace: '1h' });
    await eventually('the TTL is over', async () => (await cache.get('k')) === undefined);
    await delay(clockTolerance);
    assert.equal(await cache.increment('k'), 1);
  }),
  conforms('increment refuses what is no number, and leaves it', async ({ cache }) => {
    for (const value of ['7', '', null, true, [], { n: 1 }, new Date(5), 5n, Number.NaN, Number.POSITIVE_INFINITY]) {
      await cache.set('k', value);
      await assert.rejects(cache.increment('k'), InvalidValueError, `increment() of ${String(value)}`);
      assert.deepStrictEqual(await cache.get('k'), value);
    }
  }),
  conforms('increment refuses to add what is no finite number, or beyond the largest', async ({ cache }) => {
    await cache.set('k', 1);
    for (const by of [Number.NaN, Number.POSITIVE_INFINITY, '1', null]) {
      await assert.rejects(cache.increment('k', by as number), CacheError, `increment() by ${String(by)}`);
    }
    assert.equal(await cache.get('k'), 1);
    await cache.set('k', Number.MAX_VALUE);
    await assert.rejects(cache.increment('k', Number.MAX_VALUE), InvalidValueError);
    assert.equal(await cache.get('k'), Number.MAX_VALUE);
  }),
];
