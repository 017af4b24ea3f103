import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { cacheBuilder, type RedisOptions } from 'tierkeep';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { refusal } from './refusal.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ password: 'secret' });
});
afterAll(() => redis.stop());
beforeEach(() => redis.cli('FLUSHALL'));

const ways: readonly [string, () => RedisOptions, (() => { destroy?(): void; disconnect?(): void })?][] = [
  ['a url', () => ({ url: redis.url })],
  ['ioredis', () => ({ url: redis.url, driver: 'ioredis' })],
  ['@redis/client', () => ({ url: redis.url, driver: 'node-redis' })],
  ['host, port and password', () => ({ host: redis.host, port: redis.port, password: 'secret', connectTimeout: '2s' })],
  ['an ioredis client', () => ({ client: new Redis(redis.url, { lazyConnect: true }) })],
  ['an @redis/client client', () => ({ client: createClient({ url: redis.url }) })],
];

describe.each(ways)('Redis by %s', (_, options) => {
  it('is L2, under the name of the cache', async () => {
    await using cache = cacheBuilder('shop').budget('10s').memory().redis(options()).build();
    await using other = cacheBuilder('shop').budget('10s').redis(options()).build();
    expect(await cache.ready()).toMatchObject({
      status: 'ok',
      tiers: [
        { name: 'memory', state: 'ready' },
        { name: 'redis', state: 'ready' },
      ],
    });
    await cache.set('user:42', { name: 'Ada' });
    expect(await other.get('user:42')).toEqual({ name: 'Ada' });
    expect((await redis.cli('KEYS', '*')).split('\n').sort()).toEqual(['shop:cache:{user:42}', 'shop:space:']);
  });
});

it('by the environment, with its own database and name', async () => {
  const env = { REDIS_URL: redis.url, REDIS_DB: '3', CACHE_NAME: 'staging', CACHE_TTL: '10s' };
  await using cache = cacheBuilder('shop').env(env).build();
  await cache.set('k', 'v');
  const [name, ttl] = (
    await redis.cli(
      'EVAL',
      "redis.call('SELECT', 3) local key = redis.call('KEYS', '*:cache:*')[1] return {key, redis.call('PTTL', key)}",
      '0',
    )
  ).split('\n');
  expect(name).toBe('staging:cache:{k}');
  expect(Number(ttl)).toBeGreaterThan(9_000);
  expect(Number(ttl)).toBeLessThanOrEqual(10_000);
});

it('the lease lives as long as it is told', async () => {
  await using cache = cacheBuilder('shop').budget('10s').redis({ url: redis.url }).lease({ ttl: '20s' }).build();
  const left = await cache.getOrSet('k', async () => Number(await redis.cli('PTTL', 'shop:lease:{k}')));
  expect(left).toBeGreaterThan(10_000);
  expect(left).toBeLessThanOrEqual(20_000);
});

it('an entry that nobody can read is counted, told and removed', async () => {
  await using cache = cacheBuilder('shop').budget('10s').memory().redis({ url: redis.url }).build();
  const heard: string[] = [];
  cache.on('entry:unreadable', ({ key }) => heard.push(key));
  await redis.cli('SET', 'shop:cache:{users:42}', 'tk1 nonsense');
  expect(await cache.namespace('users').get('42')).toBeUndefined();
  expect([heard, cache.stats().unreadable]).toEqual([['users:42'], 1]);
  await eventually(async () => (await redis.cli('EXISTS', 'shop:cache:{users:42}')) === '0');
});

it('what leaves L1 for want of room is counted and told, and is still in L2', async () => {
  await using cache = cacheBuilder('shop').budget('10s').memory({ maxEntries: 1 }).redis({ url: redis.url }).build();
  const heard: string[] = [];
  cache.on('evict', ({ key }) => heard.push(key));
  await cache.set('a', 1);
  await cache.set('b', 2);
  expect([cache.stats().evictions, cache.stats().entries]).toEqual([1, 1]);
  await eventually(() => expect(heard).toEqual(['a']));
  expect([cache.peek('a'), await cache.get('a')]).toEqual([undefined, 1]);
});

it.for<[string, () => RedisOptions]>([
  ['a server that is not there', () => ({ url: 'redis://127.0.0.1:1' })],
  ['a host that is not there', () => ({ host: 'nowhere.invalid', connectTimeout: '2s' })],
  ['a wrong password', () => ({ host: redis.host, port: redis.port, password: 'wrong' })],
  ['a database that is not there', () => ({ url: redis.url, db: 99 })],
])('%s is degraded, not an error', { timeout: 30_000 }, async ([, options]) => {
  await using cache = cacheBuilder('shop').memory().redis(options()).logger(quiet).build();
  expect(await cache.ready()).toMatchObject({ status: 'degraded' });
  expect(await cache.getOrSet('k', () => 'made')).toBe('made');
  expect(await cache.get('k')).toBe('made');
  await expect(cache.increment('n')).rejects.toMatchObject({ retryable: true });
});

it('without L1 a stand-in serves while Redis is away, and what is stored then lives as long as it is told', async () => {
  const clock = fakeClock();
  await using cache = cacheBuilder('shop')
    .redis({ url: 'redis://127.0.0.1:1' })
    .outageTtl('7s')
    // A retry would wait for a moment that nobody lets pass here.
    .retry({ retries: 0 })
    .clock(clock)
    .logger(quiet)
    .build();
  expect(await cache.ready()).toMatchObject({ tiers: [{ name: 'redis', tier: 'l2', state: 'down' }] });
  await cache.set('k', 'v', { ttl: '1h' });
  expect(await cache.ttl('k')).toBe(7_000);
  clock.advance(7_000);
  expect(await cache.get('k')).toBeUndefined();
});

it('the breaker opens after as many failures as it is told', async () => {
  const builder = cacheBuilder('shop').memory().redis({ url: 'redis://127.0.0.1:1' }).logger(quiet);
  for (const volumeThreshold of [2, 4]) {
    await using cache = builder.circuitBreaker({ volumeThreshold, resetTimeout: '1h' }).build();
    await cache.ready();
    for (let call = 1; call < volumeThreshold; call += 1) await cache.delete('k');
    expect(cache.health().circuit?.state).toBe('closed');
    await cache.delete('k');
    expect(cache.health().circuit?.state).toBe('open');
  }
});

it('a client with a key prefix of its own is refused by build()', () => {
  const client = new Redis(redis.url, { lazyConnect: true, keyPrefix: 'mine:' });
  expect(refusal(() => cacheBuilder().redis({ client }).build())).toMatch(/keyPrefix of its own/);
});

it('a closed cache leaves no connection behind', async () => {
  const cache = cacheBuilder('shop').budget('10s').memory().redis({ url: redis.url }).build();
  await cache.set('k', 1);
  await cache.close();
  // The one that asks is left.
  await eventually(async () => (await redis.cli('CLIENT', 'LIST')).trim().split('\n').length === 1);
});
