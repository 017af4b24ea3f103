import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.js';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisCache, type RedisCacheOptions, redisCache } from '../support/redis-cache.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { deferred, trace } from '../support/simulated-process.js';
import { startProxy } from '../support/tcp-proxy.js';

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
  let shared: RedisCache;
  beforeAll(() => {
    shared = redisCache({ url: server.url, connect });
  });
  beforeEach(async () => {
    await server.cli('FLUSHALL');
    shared.core.local.clear();
    // The versions are gone as well, and nobody tells.
    shared.core.labels.changeAll();
  });
  afterEach(async () => {
    for (const { cache } of open.splice(0)) await cache.close();
  });
  afterAll(() => shared.cache.close());

  /** As another process reads it. */
  async function entryInL2() {
    shared.core.local.clear();
    return shared.cache.getEntry('k');
  }

  /** On the server's clock, which judges here. */
  const timePasses = () => server.cli('DEBUG', 'SLEEP', '0.01');

  describe('a set that came too late', () => {
    /** Its bytes are on the way when the caller gives up; meanwhile another process deletes the key. */
    async function lateSet(options: Partial<RedisCacheOptions>): Promise<string> {
      await using proxy = await startProxy(server);
      const { cache } = newCache({ url: proxy.url, ...options });
      await cache.set('k', 'first');
      proxy.pause('to-server');
      await cache.set('k', 'late', { budget: '100ms' });
      expect(cache.stats().l2Errors).toBe(1);
      expect(await shared.cache.delete('k')).toBe(true);
      proxy.resume();
      await eventually(() => cache.ping({ budget: '1s' }));
      return server.cli('EXISTS', entryName);
    }

    it('does nothing, so that a newer delete stands', async () => {
      expect(await lateSet({})).toBe('0');
    });

    it('would undo the delete if its deadline were not the server’s to judge', async () => {
      const ahead: Clock = { ...systemClock, now: () => Date.now() + 3_600_000 };
      expect(await lateSet({ clock: ahead })).toBe('1');
    });

    it('because the server was frozen does nothing when it wakes', async () => {
      const { cache } = newCache();
      await cache.set('k', 'first');
      server.freeze();
      try {
        await Promise.all([
          cache.set('k', 'late', { budget: '100ms' }),
          cache.setMany([['k', 'late']], { budget: '100ms' }),
          cache.setIfAbsent('j', 'late', { budget: '100ms' }).catch(() => undefined),
          cache.increment('n', 1, { budget: '100ms' }).catch(() => undefined),
        ]);
        // The four, and the versions that the last two ask for.
        expect(cache.stats().l2Errors).toBe(5);
        // The server judges in whole milliseconds, on a clock that we know to within a round trip.
        const surelyLate = Date.now() + 20;
        await eventually(() => Date.now() > surelyLate);
      } finally {
        server.thaw();
      }
      await eventually(() => cache.ping({ budget: '1s' }));
      // What was there is older than what was to be set, so it goes too.
      await eventually(() => cache.health().journal?.names === 0);
      expect(await entryInL2()).toBeUndefined();
      // The version of the whole cache.
      expect(await server.cli('DBSIZE')).toBe('1');
    });
  });

  describe('a server that is out of memory', () => {
    const full = (bytes: string) => server.cli('CONFIG', 'SET', 'maxmemory', bytes);
    afterEach(() => full('0'));

    it('a set leaves no old value behind, and is kept here for a while', async () => {
      const { cache } = newCache();
      const lines = trace(cache);
      await cache.set('k', 'old');
      await full('1');
      await cache.set('k', 'new');
      expect(lines).toEqual(['set k', 'l2:error write', 'set k']);
      expect(cache.peek('k')).toBe('new');
      expect(await server.cli('EXISTS', entryName)).toBe('0');
      await full('0');
      expect(await entryInL2()).toBeUndefined();
      expect(cache.health().circuit?.state).toBe('closed');
    });

    it('neither does setMany', async () => {
      const { cache } = newCache();
      await cache.set('k', 'old');
      await full('1');
      await cache.setMany([
        ['k', 'new'],
        ['j', 'new'],
      ]);
      await full('0');
      expect(await server.cli('EXISTS', entryName)).toBe('0');
      expect((await newCache().cache.get('j')) ?? 'new').toBe('new');
    });

    it('a fill leaves neither old value nor lease behind', async () => {
      const { cache } = newCache();
      await cache.set('k', 'old');
      const factory = deferred<string>();
      const began = deferred();
      const answer = cache.getOrSet(
        'k',
        () => {
          began.resolve();
          return factory.promise;
        },
        { forceFresh: true },
      );
      await began.promise;
      await full('1');
      factory.resolve('new');
      expect(await answer).toBe('new');
      await full('0');
      expect(await server.cli('EXISTS', entryName, leaseName)).toBe('0');
      expect(cache.peek('k')).toBe('new');
    });

    it('a lease that cannot be taken is no reason to fail', async () => {
      const { cache } = newCache();
      await full('1');
      expect(await cache.getOrSet('k', () => 'value')).toBe('value');
      expect(cache.peek('k')).toBe('value');
    });

    it('an increment is refused and keeps the number', async () => {
      const { cache } = newCache();
      await cache.increment('k', 5);
      await full('1');
      await expect(cache.increment('k')).rejects.toMatchObject({ name: 'BackendError' });
      await full('0');
      expect(await cache.increment('k')).toBe(6);
    });

    it('deletes work', async () => {
      const { cache } = newCache();
      await cache.set('k', 'old');
      await full('1');
      expect(await cache.delete('k')).toBe(true);
      expect(await server.cli('EXISTS', entryName)).toBe('0');
    });
  });

  describe('expire', () => {
    const value = { text: 'ä\u0000"', map: new Map([['a', new Date(5)]]), bytes: new Uint8Array([0, 10, 13, 255]) };

    it('gives a new life and keeps grace and payload', async () => {
      const { cache } = shared;
      await cache.set('k', value, { ttl: '10s', grace: '1m' });
      expect(await cache.expire('k', '1h')).toBe(true);
      const entry = await entryInL2();
      expect(entry?.value).toEqual(value);
      expect((entry?.expiresAt ?? 0) - (entry?.freshUntil ?? 0)).toBe(60_000);
      expect(Math.abs((await cache.ttl('k')) ?? 0) / 3_600_000).toBeCloseTo(1, 2);
      expect(Number(await server.cli('PTTL', entryName)) / 3_660_000).toBeCloseTo(1, 2);
    });

    it('for ever and back', async () => {
      const { cache } = shared;
      await cache.set('k', 1, { ttl: '10s', grace: '1m' });
      expect(await cache.expire('k', Number.POSITIVE_INFINITY)).toBe(true);
      expect(await cache.ttl('k')).toBe(Number.POSITIVE_INFINITY);
      expect(await server.cli('PTTL', entryName)).toBe('-1');
      expect(await cache.expire('k', '1m')).toBe(true);
      expect(Number(await server.cli('PTTL', entryName)) / 60_000).toBeCloseTo(1, 1);
    });

    it('makes it another entry, so that a load which saw the old one cannot fill', async () => {
      const { cache } = shared;
      await cache.set('k', 1);
      const before = await entryInL2();
      await cache.expire('k', '1m');
      const after = await entryInL2();
      expect(after?.stamp).not.toBe(before?.stamp);
      expect(after?.createdAt).toBe(before?.createdAt);
    });

    it('of what is stale or absent is refused', async () => {
      const { cache } = shared;
      await cache.set('k', 1, { ttl: '1ms', grace: '1m' });
      await timePasses();
      expect(await cache.expire('k', '1m')).toBe(false);
      expect(await cache.expire('none', '1m')).toBe(false);
      expect((await entryInL2())?.value).toBe(1);
    });
  });

  describe('increment', () => {
    it.each([
      [0.1, 0.2],
      [1, -3],
      [2 ** 53 - 2, 1],
      [1e21, 1],
      [-0.5, 0.5],
      [1e-7, 2e-7],
      [123_456_789.123, 0.000_001],
    ])('adds %d and %d as JavaScript does', async (first, second) => {
      const { cache } = shared;
      expect(await cache.increment('k', first)).toBe(first);
      expect(await cache.increment('k', second)).toBe(first + second);
      expect((await entryInL2())?.value).toBe(first + second);
    });

    it('starts from nothing with the life it is given, and keeps the life of what is there', async () => {
      const { cache } = shared;
      await cache.increment('k', 1, { ttl: '1m', grace: '1m' });
      const first = await entryInL2();
      await cache.increment('k', 1, { ttl: '10h' });
      const second = await entryInL2();
      expect(second).toMatchObject({ value: 2, freshUntil: first?.freshUntil, expiresAt: first?.expiresAt });
      expect(second?.stamp).not.toBe(first?.stamp);
      const left = Number(await server.cli('PTTL', entryName));
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(120_000);
    });

    it('adds to a number that was set, also one that lives for ever', async () => {
      const { cache } = shared;
      await cache.set('k', 41.5, { ttl: Number.POSITIVE_INFINITY });
      expect(await cache.increment('k', 0.5)).toBe(42);
      expect(await server.cli('PTTL', entryName)).toBe('-1');
    });

    it('of a stale number begins anew', async () => {
      const { cache } = shared;
      await cache.set('k', 100, { ttl: '1ms', grace: '1h' });
      await timePasses();
      expect(await cache.increment('k')).toBe(1);
    });

    it.each(['text', '5', null, [1], { n: 1 }, true, new Date(0), 10n])(
      'of %o is an InvalidValueError and leaves it',
      async (value) => {
        const { cache } = shared;
        await cache.set<unknown>('k', value);
        await expect(cache.increment('k')).rejects.toMatchObject({ name: 'InvalidValueError', key: 'k' });
        expect((await entryInL2())?.value).toEqual(value);
      },
    );

    it('beyond all numbers is an InvalidValueError and leaves it', async () => {
      const { cache } = shared;
      await cache.set('k', Number.MAX_VALUE);
      await expect(cache.increment('k', Number.MAX_VALUE)).rejects.toMatchObject({ name: 'InvalidValueError' });
      expect((await entryInL2())?.value).toBe(Number.MAX_VALUE);
    });

    it('a hundred at once from two processes are a hundred', async () => {
      const caches = [shared.cache, newCache().cache];
      await Promise.all(Array.from({ length: 100 }, (_, index) => caches[index % 2]?.increment('k')));
      expect((await entryInL2())?.value).toBe(100);
    });
  });
});
