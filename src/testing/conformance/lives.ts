import assert from 'node:assert/strict';
import type { Cache, Duration, SetOptions } from '../../cache.js';
import { ConfigError } from '../../errors.js';
import { type ConformanceCase, conforms } from './conformance-case.js';
import { assertLife, clockTolerance, delay, eventually, goneAfter, inTime } from './timing.js';

const durations: readonly (readonly [Duration, number])[] = [
  ['90000ms', 90_000],
  ['90s', 90_000],
  ['5m', 300_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
  [120_000, 120_000],
  // A timer of Node cannot hold more than 24.8 days and fires at once for more.
  ['60d', 5_184_000_000],
  ['3650d', 315_360_000_000],
];

const badDurations: readonly unknown[] = [
  '5 minutes',
  '5',
  '',
  'm',
  '-5s',
  0,
  -1,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  null,
  {},
];

const short = 200;
const shortTtl = { ttl: `${short}ms` } as const;

/** Every call that gives an entry a life. */
const living: readonly (readonly [name: string, call: (cache: Cache, options: SetOptions) => Promise<unknown>])[] = [
  ['set', (cache, options) => cache.set('k', 'new', options)],
  ['setMany', (cache, options) => cache.setMany([['k', 'new']], options)],
  ['setMany, for one', (cache, options) => cache.setMany([['k', 'new', options]])],
  ['setIfAbsent', (cache, options) => cache.setIfAbsent('other', 1, options)],
  ['increment', (cache, options) => cache.increment('other', 1, options)],
];

/** TTL, grace, ttl() and expire(). */
export const lifeCases: readonly ConformanceCase[] = [
  conforms('ttl is what is left, undefined without a value', async ({ cache }) => {
    assert.equal(await cache.ttl('absent'), undefined);
    for (const [ttl, ms] of durations) {
      await cache.set('k', 1, { ttl });
      const left = await cache.ttl('k');
      assert.ok(left !== undefined && left <= ms + clockTolerance && left > ms - 30_000, `ttl of ${ttl}: ${left}`);
    }
  }),
  conforms('ttl grows less as time passes', async ({ cache }) => {
    await cache.set('k', 1, { ttl: '1h' });
    const first = (await cache.ttl('k')) ?? 0;
    await eventually('less time is left', async () => {
      const left = await cache.ttl('k');
      return left !== undefined && left < first - 30;
    });
  }),
  conforms('a TTL of Infinity and one of over 24.8 days hold', async ({ cache }) => {
    await cache.set('for ever', 1, { ttl: Number.POSITIVE_INFINITY });
    await cache.set('long', 2, { ttl: '60d', grace: '60d' });
    await delay(30);
    assert.equal(await cache.get('for ever'), 1);
    assert.equal(await cache.ttl('for ever'), Number.POSITIVE_INFINITY);
    assert.equal((await cache.getEntry('for ever'))?.expiresAt, Number.POSITIVE_INFINITY);
    assert.equal(await cache.get('long'), 2);
  }),
  conforms('a value is gone when its TTL is over, for every call', async ({ cache }) => {
    const start = performance.now();
    // A key for each call: one call must not tidy up for the next.
    const keys = ['get', 'entry', 'many', 'has', 'ttl', 'expire', 'delete', 'delete many', 'delete pattern'];
    await cache.setMany(keys.map((key): [string, number] => [key, 1]), shortTtl); // biome-ignore format: one line
    await goneAfter(short, start, async () => (await cache.get('get')) === undefined);
    // A backend may count the time from when a write reached it, and still have what no read gives any more.
    await delay(5 * clockTolerance);
    assert.equal(await cache.getEntry('entry'), undefined);
    assert.deepStrictEqual(await cache.getMany(['many']), new Map());
    assert.equal(await cache.has('has'), false);
    assert.equal(await cache.ttl('ttl'), undefined);
    assert.equal(await cache.expire('expire', '1h'), false);
    assert.equal(await cache.delete('delete'), false);
    assert.equal(await cache.deleteMany(['delete many']), 0);
    assert.equal(await cache.deletePattern('delete p*'), 0);
  }),
  conforms('an entry in its grace is no value, yet an entry', async ({ cache }) => {
    await cache.set('k', 'stale', { ...shortTtl, grace: '1h' });
    await eventually('the TTL is over', async () => (await cache.get('k')) === undefined);
    await delay(clockTolerance);
    const entry = await cache.getEntry('k');
    assert.equal(entry?.value, 'stale');
    assert.ok((entry?.freshUntil ?? Number.POSITIVE_INFINITY) <= Date.now() + clockTolerance, 'freshUntil is past');
    assert.equal(await cache.has('k'), false);
    assert.equal(await cache.ttl('k'), undefined);
    assert.deepStrictEqual(await cache.getMany(['k']), new Map());
    assert.equal(await cache.delete('k'), true);
    assert.equal(await cache.getEntry('k'), undefined);
  }),
  conforms('an entry is gone when its grace is over', async ({ cache }) => {
    const start = performance.now();
    await cache.set('k', 1, { ttl: '100ms', grace: '150ms' });
    await goneAfter(250, start, async () => (await cache.getEntry('k')) === undefined);
  }),
  conforms('a later write has a life of its own', async ({ cache }) => {
    await cache.setMany([['longer', 1], ['for ever', 1]], shortTtl); // biome-ignore format: pairs
    await cache.set('longer', 2, { ttl: '1h' });
    await cache.set('for ever', 2, { ttl: Number.POSITIVE_INFINITY });
    await cache.set('shorter', 1, { ttl: '1h' });
    const start = performance.now();
    await cache.set('shorter', 2, shortTtl);
    await goneAfter(short, start, async () => (await cache.get('shorter')) === undefined);
    await delay(clockTolerance);
    assert.equal(await cache.get('longer'), 2);
    assert.equal(await cache.get('for ever'), 2);
  }),
  conforms('expire gives a longer life, a shorter one, and one for ever', async ({ cache }) => {
    await cache.set('shorter', 3, { ttl: '1h' });
    const written = await inTime(async (life) => {
      await cache.setMany([['longer', 1], ['for ever', 2], ['absent', 0]], { ttl: `${life}ms` }); // biome-ignore format: pairs
      await cache.delete('absent');
      assert.equal(await cache.expire('longer', '1h'), true);
      assert.equal(await cache.expire('for ever', Number.POSITIVE_INFINITY), true);
      assert.equal(await cache.expire('absent', '1h'), false);
    });
    const start = performance.now();
    assert.equal(await cache.expire('shorter', `${short}ms`), true);
    await goneAfter(short, start, async () => (await cache.get('shorter')) === undefined);
    await delay(Math.max(0, written.start + written.ms + clockTolerance - performance.now()));
    assert.equal(await cache.get('longer'), 1);
    assert.ok(((await cache.ttl('longer')) ?? 0) > 3_000_000, 'about an hour is left');
    assert.equal(await cache.get('for ever'), 2);
    assert.equal(await cache.ttl('for ever'), Number.POSITIVE_INFINITY);
  }),
  conforms('expire keeps value and grace', async ({ cache }) => {
    await cache.set('k', { a: new Date(5) }, { ttl: '1m', grace: '1h' });
    await cache.expire('k', '2m');
    const entry = await cache.getEntry('k');
    assert.ok(entry !== undefined, 'the entry is there');
    assert.deepStrictEqual(entry.value, { a: new Date(5) });
    assertLife(entry.expiresAt - entry.freshUntil, 3_600_000, 'the grace');
  }),
  ...living.map(([name, call]) =>
    conforms(`${name} refuses what is no duration, and does nothing`, async ({ cache }) => {
      await cache.set('k', 'old');
      for (const ttl of badDurations) {
        await assert.rejects(call(cache, { ttl: ttl as Duration }), ConfigError, `a ttl of ${String(ttl)}`);
      }
      await assert.rejects(call(cache, { grace: -1 }), ConfigError, 'a negative grace');
      await assert.rejects(call(cache, { grace: '5 minutes' as Duration }), ConfigError, 'a grace in words');
      assert.equal(await cache.get('k'), 'old');
      assert.equal(await cache.get('other'), undefined);
    }),
  ),
  conforms('expire refuses what is no duration, and does nothing', async ({ cache }) => {
    await cache.set('k', 1, { ttl: '1h' });
    for (const ttl of [...badDurations, undefined]) {
      await assert.rejects(cache.expire('k', ttl as Duration), ConfigError, `a ttl of ${String(ttl)}`);
    }
    assert.ok(((await cache.ttl('k')) ?? 0) > 3_000_000, 'the life is as it was');
  }),
];
