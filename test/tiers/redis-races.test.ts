import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisCache, type RedisCacheOptions, redisCache } from '../support/redis-cache.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { deferred, trace } from '../support/simulated-process.js';
import { before, filled, leftInL2, loadingIn, made, schedules } from '../support/stale-fill.js';
import { orders, pairs, runInOrder } from '../support/two-in-flight.js';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const entryName = 'test:cache:{k}';
const leaseName = 'test:lease:{k}';

describe.each(libraries)('over $library', ({ connect }) => {
  const open: RedisCache[] = [];
  function newCache(options: Partial<RedisCacheOptions> = {}): RedisCache {
    const made = redisCache({ url: server.url, connect, ...options });
    open.push(made);
    return made;
  }
  // Most cases share two processes' connections: connecting takes longer than a race.
  let shared: RedisCache;
  let elsewhere: RedisCache;
  beforeAll(() => {
    shared = redisCache({ url: server.url, connect });
    elsewhere = redisCache({ url: server.url, connect });
  });
  beforeEach(async () => {
    await server.cli('FLUSHALL');
    for (const { core } of [shared, elsewhere]) {
      core.local.clear();
      // The versions are gone as well, and nobody tells.
      core.labels.changeAll();
    }
  });
  afterEach(async () => {
    for (const { cache } of open.splice(0)) await cache.close();
  });
  afterAll(async () => {
    await Promise.all([shared.cache.close(), elsewhere.cache.close()]);
  });

  /** What L2 holds, and not what anybody's L1 does. */
  async function inL2(): Promise<unknown> {
    elsewhere.core.local.clear();
    return elsewhere.cache.get('k');
  }

  describe('R1: a load that was overtaken stores nothing', () => {
    describe.each([{ across: false }, { across: true }])('invalidated by another process: $across', ({ across }) => {
      // Of new versions a process hears by the bus, which there is none of here.
      const heard = schedules.filter(({ invalidation }) => !(across && invalidation.byVersion));
      it.each(heard)('$invalidation.name $phase (cold: $cold)', async (schedule) => {
        const invalidator = across ? elsewhere : shared;
        if (!schedule.cold) await invalidator.cache.set('k', before, { ttl: '1h' });
        const load = await loadingIn(schedule, shared.cache, shared.gates);
        await schedule.invalidation.run(invalidator.cache);
        load.goOn();
        expect(await load.answer).toBe(made);
        if (!across || !filled(schedule)) expect(await shared.cache.get('k')).toBe(leftInL2(schedule));
        expect(await invalidator.cache.get('k')).toBe(leftInL2(schedule));
        expect(await inL2()).toBe(leftInL2(schedule));
        expect(await server.cli('EXISTS', leaseName)).toBe('0');
      });
    });
  });

  describe('R8: two operations of one process leave L1 with what L2 has, or with nothing', () => {
    const writes = pairs.filter(({ second }) => ['set', 'increment', 'expire', 'delete', 'fill'].includes(second.name));
    it.each(writes)('$first.name and $second.name', async (pair) => {
      for (const order of orders) {
        await elsewhere.cache.set('k', 1);
        shared.core.local.clear();
        await runInOrder(pair, order, shared.cache, shared.gates);
        const copy = shared.core.local.get('k');
        elsewhere.core.local.clear();
        if (copy !== undefined) expect((await elsewhere.cache.getEntry('k'))?.stamp, JSON.stringify(order)).toBe(copy.stamp);
      }
    });
  });

  describe('programs that know nothing of leases', () => {
    it('a plain DEL beats a load of what was there', async () => {
      await elsewhere.cache.set('k', 'old');
      const factory = deferred<string>();
      const began = deferred();
      const answer = shared.cache.getOrSet(
        'k',
        () => {
          began.resolve();
          return factory.promise;
        },
        { forceFresh: true },
      );
      await began.promise;
      expect(await server.cli('DEL', entryName)).toBe('1');
      factory.resolve('from before the DEL');
      expect(await answer).toBe('from before the DEL');
      expect(await server.cli('EXISTS', entryName, leaseName)).toBe('0');
      expect(shared.cache.peek('k')).toBeUndefined();
    });

    it('where nothing was there the lease has to go too, and then it is beaten as well', async () => {
      const factory = deferred<string>();
      const began = deferred();
      const answer = shared.cache.getOrSet('k', () => {
        began.resolve();
        return factory.promise;
      });
      await began.promise;
      expect(await server.cli('DEL', entryName, leaseName)).toBe('1');
      factory.resolve('from before the DEL');
      await answer;
      expect(await server.cli('EXISTS', entryName, leaseName)).toBe('0');
    });
  });

  describe('what cannot be read', () => {
    it('corrupt: a miss, counted, told and removed', async () => {
      await server.cli('SET', entryName, 'tk1 stamp json nonsense');
      const { cache } = newCache();
      const lines = trace(cache);
      expect(await cache.get('k')).toBeUndefined();
      expect(cache.stats().unreadable).toBe(1);
      expect(lines).toEqual(['entry:unreadable k', 'miss k']);
      await eventually(async () => (await server.cli('EXISTS', entryName)) === '0');
      expect(await cache.getOrSet('k', () => 'value')).toBe('value');
      expect(await inL2()).toBe('value');
    });

    it('corrupt, and replaced before it was removed: the new one stays', async () => {
      await server.cli('SET', entryName, 'rubbish');
      const { cache } = newCache();
      expect(await cache.getMany(['k', 'j'])).toEqual(new Map());
      await cache.set('k', 'value');
      await cache.ping();
      expect(await inL2()).toBe('value');
    });

    const foreign = 'tk2 theirs zstd whatever\n\u0000payload';
    it('of another version: a miss that is left alone', async () => {
      await server.cli('SET', entryName, foreign);
      const { cache } = newCache();
      expect(await cache.get('k')).toBeUndefined();
      expect(await cache.getMany(['k'])).toEqual(new Map());
      await expect(cache.getOrSet('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
      expect(await cache.expire('k', '1s')).toBe(false);
      expect(await cache.setIfAbsent('k', 1)).toBe(false);
      await cache.ping();
      expect(await server.cli('GET', entryName)).toBe(foreign);
      expect(cache.stats().unreadable).toBe(0);
      expect(await server.cli('EXISTS', leaseName)).toBe('0');
    });

    it('of another version: replaced by a fill, by one process only', async () => {
      await server.cli('SET', entryName, foreign);
      const caches = [newCache(), newCache(), newCache()];
      let runs = 0;
      const factory = deferred<string>();
      const began = deferred();
      const answers = caches.map(({ cache }) =>
        cache.getOrSet('k', () => {
          runs += 1;
          began.resolve();
          return factory.promise;
        }),
      );
      await began.promise;
      await Promise.all(caches.map(({ cache }) => cache.ping()));
      factory.resolve('value');
      expect(await Promise.all(answers)).toEqual(['value', 'value', 'value']);
      expect(runs).toBe(1);
      expect(await inL2()).toBe('value');
    });
  });

  describe('a load that was overtaken by deletePattern in another process', () => {
    it.each(['k*', '?', '*'])('%s finds its lease, though there is no entry yet', async (pattern) => {
      const factory = deferred<string>();
      const began = deferred();
      const answer = shared.cache.getOrSet('k', () => {
        began.resolve();
        return factory.promise;
      });
      await began.promise;
      expect(await elsewhere.cache.deletePattern(pattern)).toBe(0);
      expect(await server.cli('EXISTS', leaseName)).toBe('0');
      factory.resolve('old');
      await answer;
      expect(await inL2()).toBeUndefined();
    });
  });
});
