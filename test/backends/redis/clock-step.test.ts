import { cacheBuilder } from 'tierkeep';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.js';
import { eventually } from '../../support/eventually.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const hour = 3_600_000;

it.each([-hour, hour])('a host whose clock is set by %i ms goes on writing what the others read right', async (step) => {
  let set = 0;
  const stepped = { ...systemClock, now: () => Date.now() + set, coarseNow: () => Date.now() + set };
  await using cache = cacheBuilder('stepped').budget('10s').redis({ url: redis.url }).clock(stepped).build();
  await using other = cacheBuilder('stepped').budget('10s').redis({ url: redis.url }).build();
  await cache.ready();
  await other.ready();
  set = step;
  await cache.set('k', 1, { ttl: '10m', grace: '5h' });
  for (const reader of [other, cache]) {
    const left = (await reader.ttl('k')) ?? 0;
    expect(left).toBeGreaterThan(500_000);
    expect(left).toBeLessThan(601_000);
  }
});

it('a process that was suspended, while its monotonic clock stood still, asks the server for the time', async () => {
  let suspended = 0;
  const clock = { ...systemClock, monotonic: () => performance.now() - suspended };
  await using cache = cacheBuilder('suspended').budget('10s').redis({ url: redis.url }).clock(clock).build();
  await cache.ready();
  await cache.set('k', 1, { ttl: '10m' });
  suspended = hour;
  await eventually(async () => expect(await cache.ttl('k')).toBeLessThan(601_000));
  expect(await cache.ttl('k')).toBeGreaterThan(500_000);
});
