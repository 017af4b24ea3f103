import { cacheBuilder } from 'tierkeep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finiteMs, nonNegativeMs, positiveMs } from '../src/duration.js';
import { fakeClock } from '../src/testing/fake-clock.js';
import { type RedisServer, startRedis } from './support/redis-server.js';

describe('a duration is whole milliseconds', () => {
  it.each([
    ['0.2ms', 1, 0],
    ['0.001s', 1, 1],
    ['1.4ms', 1, 1],
    ['0.07s', 70, 70],
    ['1.5m', 90_000, 90_000],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ] as const)('%s', (given, positive, nonNegative) => {
    expect([positiveMs(given, 'outageTtl'), nonNegativeMs(given, 'grace')]).toEqual([positive, nonNegative]);
  });

  it('so a wait that is not nothing is a millisecond', () => {
    expect(finiteMs(0.4, 'budget')).toBe(1);
  });
});

describe('a life below a millisecond is one millisecond', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it.each(['memory', 'redis'])('in %s', async (backend) => {
    const clock = fakeClock(Date.now());
    const builder = cacheBuilder('short').clock(clock);
    await using cache = (backend === 'memory' ? builder.memory() : builder.redis({ url: redis.url })).build();
    await cache.ready();
    await cache.set('k', 'value', { ttl: '0.2ms', grace: '1h' });
    expect(await cache.getEntry('k')).toMatchObject({ createdAt: clock.now(), freshUntil: clock.now() + 1 });
    expect(await cache.ttl('k')).toBe(1);
    clock.advance(1);
    expect(await cache.get('k')).toBeUndefined();
  });
});
