import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Undelivered } from '../../src/events.js';
import type { Logger } from '../../src/outage-report.js';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { quiet, witnessOf } from '../support/journal-changes.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { watchStalls } from '../support/stalls.js';
import { startProxy, type Proxy as TcpProxy } from '../support/tcp-proxy.js';

let redis: RedisServer;
let proxy: TcpProxy;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  await redis.cli('FLUSHALL');
  proxy = await startProxy(redis);
});

const open: TieredCache[] = [];
afterEach(async () => {
  if (redis.frozen) redis.thaw();
  await Promise.all(open.splice(0).map((cache) => cache.close()));
  await proxy.close();
});

function witness(): TieredCache {
  const made = witnessOf((builder) => builder.redis({ url: redis.url }));
  open.push(made);
  return made;
}

const namesIn = (cache: TieredCache) => cache.health().journal?.names;

describe.each(libraries)('the journal, over $library', ({ client }) => {
  interface Options {
    readonly url?: string;
    readonly maxNames?: number;
    readonly bus?: false;
    readonly logger?: Logger;
  }
  async function cacheOf({ url = proxy.url, maxNames = 1_000, bus, logger = quiet }: Options = {}): Promise<TieredCache> {
    const builder = cacheBuilder('shop')
      .budget('300ms')
      .memory()
      .redis({ client: client(url) });
    const cache = builder
      .circuitBreaker({ resetTimeout: '100ms' })
      .bus(bus ?? { maxStaleness: '1s' })
      .journal({ maxNames })
      .logger(logger)
      .build();
    open.push(cache);
    await cache.ready();
    if (bus !== false) await eventually(() => cache.health().bus?.trusted === true);
    return cache;
  }
  const delivered = (cache: TieredCache) => eventually(() => namesIn(cache) === 0, { within: 20_000 });

  it('makes good what a Redis out of memory refused', async () => {
    const cache = await cacheOf();
    const reader = witness();
    await reader.setMany([['k', 'old', { tags: ['t'] }], ['deleted', 'old'], ['tagged', 'old', { tags: ['t'] }]]); // biome-ignore format: one line
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    await cache.set('k', 'new');
    await cache.delete('deleted');
    await cache.invalidateTags(['t']);
    // Full as it is it can remove, and then what was to be set is gone here too.
    expect(['new', undefined]).toContain(await cache.get('k'));
    expect([await cache.get('deleted'), await cache.get('tagged')]).toEqual([undefined, undefined]);
    expect(cache.health().circuit?.state).toBe('closed');
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    await delivered(cache);
    expect([...(await reader.getMany(['k', 'deleted', 'tagged']))]).toEqual([]);
  });

  it('keeps the names that a user may only read, asks for none of them, and tries again ever more seldom', async () => {
    await redis.cli('ACL', 'SETUSER', 'reader', 'on', '>secret', '~shop:*', '&shop:*', '+@all', '-@write', '+publish');
    await witness().setMany([['k', 'old'], ['j', 'there']]); // biome-ignore format: one line
    const cache = await cacheOf({ url: `redis://reader:secret@127.0.0.1:${redis.port}`, bus: false });
    await cache.set('k', 'mine');
    await cache.deleteMany(['x', 'y']);
    expect(namesIn(cache)).toBe(3);
    const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.cli('INFO', 'commandstats'))?.[1] ?? 0);
    const before = await scripts();
    const since = performance.now();
    await eventually(() => performance.now() - since > 1_000);
    // At 20 ms each it would be fifty.
    const tries = (await scripts()) - before;
    expect(tries).toBeGreaterThan(0);
    expect(tries).toBeLessThan(25);
    expect([await cache.get('k'), await cache.get('x'), await cache.get('j')]).toEqual(['mine', undefined, 'there']);
    await cache.delete('k');
    expect([await cache.get('k'), namesIn(cache)]).toEqual([undefined, 3]);
    expect(cache.health()).toMatchObject({
      circuit: { state: 'closed' },
      journal: { lastError: expect.stringContaining('refused') },
    });
  });

  it('invalidates the whole cache when it was to hold too many names', async () => {
    const cache = await cacheOf({ maxNames: 10 });
    const overflows: unknown[] = [];
    cache.on('journal:overflow', (event) => overflows.push(event));
    const reader = witness();
    await reader.setMany([['bystander', 'old'], ['k:1', 'old']]); // biome-ignore format: one line
    await reader.namespace('users').set('k', 'old');
    proxy.pause();
    await cache.deleteMany(Array.from({ length: 11 }, (_, index) => `k:${index}`));
    expect(cache.health().journal).toMatchObject({ names: 1, overflowed: true });
    expect(overflows).toEqual([{ maxNames: 10 }]);
    proxy.resume();
    await delivered(cache);
    expect(cache.health().journal).toEqual({ names: 0, overflowed: false });
    expect([...(await reader.getMany(['bystander', 'k:1']))]).toEqual([]);
    expect(await reader.namespace('users').get('k')).toBeUndefined();
    await cache.set('k', 'new');
    expect(await reader.get('k')).toBe('new');
  });

  const ends: readonly (readonly [name: string, begin: () => unknown])[] = [
    ['refuses', () => Promise.all([proxy.refuse(), proxy.cut()])],
    ['is frozen', () => redis.freeze()],
    ['is a black hole', () => proxy.pause()],
  ];
  it.each(ends)('is told of at close() while Redis %s: by name, and within its time', async (_, begin) => {
    const warned: object[] = [];
    const logger = { ...quiet, warn: (details: object, message: string) => void warned.push({ ...details, message }) };
    const cache = await cacheOf({ logger });
    const events: Undelivered[] = [];
    cache.on('journal:undelivered', (event) => events.push(event));
    const reader = witness();
    await reader.set('k', 'old');
    await begin();
    await Promise.all([
      cache.delete('k'),
      cache.invalidateTags(['t']),
      cache.namespace('users').clear(),
      cache.namespace('users').deletePattern('k*'),
    ]);
    const stalls = watchStalls();
    const start = performance.now();
    await cache.close();
    const took = performance.now() - start;
    stalls.stop();
    // A second for what was under way, one for the journal, and one for the connections, each.
    expect(took).toBeLessThan(5_000 + 5 * stalls.longest);
    const names = { keys: ['k'], tags: ['t'], namespaces: ['users'], patterns: ['users:k*'], everything: false };
    expect(events).toEqual([{ ...names, error: expect.anything() }]);
    expect(warned).toContainEqual(
      expect.objectContaining({
        cache: 'shop',
        ...names,
        message: expect.stringMatching(/was not told that 4 of its keys and tags \(k, t, users, users:k\*\) changed/),
      }),
    );
  });

  it.each([
    ['a frozen Redis', () => redis.freeze(), () => redis.thaw()],
    ['a black hole', () => proxy.pause(), () => proxy.resume()],
  ] as const)('is delivered at close() right after the end of %s', async (_, begin, end) => {
    const cache = await cacheOf();
    const undelivered: Undelivered[] = [];
    cache.on('journal:undelivered', (event) => undelivered.push(event));
    const reader = witness();
    await reader.set('k', 'old', { tags: ['t'] });
    await reader.set('tagged', 'old', { tags: ['t'] });
    await begin();
    await Promise.all([cache.delete('k'), cache.invalidateTags(['t'])]);
    expect(namesIn(cache)).toBe(2);
    await end();
    await cache.close();
    expect(undelivered).toEqual([]);
    expect([await reader.get('k'), await reader.get('tagged')]).toEqual([undefined, undefined]);
  });
});
