import assert from 'node:assert/strict';
import type { Cache, CacheStats } from '../../cache.js';
import { ClosedError, ConfigError } from '../../errors.js';
import { type ConformanceCase, conforms } from './conformance-case.js';
import { calls } from './every-call.js';

type Counter = 'hits' | 'misses' | 'sets' | 'deletes';

/** How much the counters have moved while something was done. */
async function moved(cache: Cache, work: () => Promise<unknown>): Promise<Record<Counter, number>> {
  const before = cache.stats();
  await work();
  const after = cache.stats();
  const by = (counter: Counter) => after[counter] - before[counter];
  return { hits: by('hits'), misses: by('misses'), sets: by('sets'), deletes: by('deletes') };
}

const none = { hits: 0, misses: 0, sets: 0, deletes: 0 };

/** stats, ping and close. */
export const wholeCacheCases: readonly ConformanceCase[] = [
  conforms('stats count hits, misses, sets and deletes', async ({ cache }) => {
    assert.deepStrictEqual(await moved(cache, () => cache.get('k')), { ...none, misses: 1 });
    assert.deepStrictEqual(await moved(cache, () => cache.set('k', null)), { ...none, sets: 1 });
    assert.deepStrictEqual(await moved(cache, () => cache.get('k')), { ...none, hits: 1 });
    assert.deepStrictEqual(await moved(cache, () => cache.setMany([['a', 1], ['b', 2]])), { ...none, sets: 2 }); // biome-ignore format: one line
    assert.deepStrictEqual(await moved(cache, () => cache.getMany(['a', 'x', 'b'])), { ...none, hits: 2, misses: 1 });
    assert.deepStrictEqual(await moved(cache, () => cache.delete('k')), { ...none, deletes: 1 });
  }),
  conforms('stats are whole numbers that a later call leaves alone', async ({ cache }) => {
    const early: CacheStats = cache.stats();
    const copy = structuredClone(early);
    await cache.set('k', 1);
    await cache.get('k');
    assert.deepStrictEqual(early, copy);
    const { l1, l2, bus, ...own } = cache.stats();
    for (const count of [...Object.values(own), ...Object.values(bus ?? {}), ...Object.values(l1), ...Object.values(l2)]) {
      assert.ok(Number.isSafeInteger(count) && count >= 0, `a counter is ${count}`);
    }
  }),
  conforms('ping says how long a round trip took', async ({ cache }) => {
    const ms = await cache.ping();
    assert.ok(Number.isFinite(ms) && ms >= 0 && ms < 30_000, `ping took ${ms}`);
  }),
  conforms('every call takes a budget, and refuses what is none', async ({ cache }) => {
    for (const [name, call] of calls) await assert.doesNotReject(() => call(cache, { budget: '30s' }), name);
    // What is in memory need not look at it, so that a hit stays cheap: the key is absent.
    await cache.clear();
    for (const budget of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5 minutes' as '5m']) {
      for (const [name, call] of calls)
        await assert.rejects(() => call(cache, { budget }), ConfigError, `${name} by ${budget}`);
    }
  }),
  conforms('a closed cache refuses every call', async ({ cache }) => {
    await cache.set('k', 1);
    await cache.close();
    for (const [name, call] of calls) await assert.rejects(() => call(cache), ClosedError, name);
  }),
  conforms('close can be called twice, at once or later', async ({ cache }) => {
    await cache.set('k', 1);
    await Promise.all([cache.close(), cache.close()]);
    assert.equal(await cache.close(), undefined);
  }),
  conforms('close lets writes that are under way finish', async ({ cache }) => {
    await cache.set('first', 0);
    const writes = Array.from({ length: 20 }, (_, i) => cache.set(`k${i}`, i));
    const [settled] = await Promise.all([Promise.allSettled(writes), cache.close()]);
    for (const write of settled) assert.equal(write.status, 'fulfilled');
  }),
  conforms('await using closes the cache', async ({ cache }) => {
    await cache.set('k', 1);
    await cache[Symbol.asyncDispose]();
    await assert.rejects(() => cache.get('k'), ClosedError);
  }),
];
