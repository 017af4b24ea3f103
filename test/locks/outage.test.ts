import { cacheBuilder } from 'tierkeep';
import { type Locks, memoryLocks, redisLocks } from 'tierkeep/locks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CircuitOpenError, DeadlineError, isOutage, LockNotAcquiredError } from '../../src/errors.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

/** Of time on a slow machine, beside the budget that is tested: it is no hang. */
const patience = 5_000;

let redis: RedisServer;
let locks: Locks;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  redis.thaw();
  await locks?.close();
  await redis.stop();
});

async function rejection(call: Promise<unknown>): Promise<Error> {
  return call.then(() => Promise.reject(new Error('it did not fail')), (error: Error) => error); // biome-ignore format: short
}

describe.each(['ioredis', 'node-redis'] as const)('over %s', (driver) => {
  const made = (options: object = {}) => redisLocks({ redis: { url: redis.url, driver }, budget: '300ms', ...options });

  it('a Redis that is not there fails the call, at once', async () => {
    await redis.kill();
    locks = made();
    const from = performance.now();
    for (const call of [
      locks.acquire('r'),
      locks.tryAcquire('r'),
      locks.use('r', () => 1),
      locks.inspect('r'),
      locks.forceRelease('r'),
    ]) {
      expect(isOutage(await rejection(call))).toBe(true);
    }
    expect(performance.now() - from).toBeLessThan(patience);
    expect(locks.stats()).toMatchObject({ acquired: 0, held: 0, waiting: 0 });
  });

  it('a frozen Redis fails it within the budget, and has no lock when it wakes', async () => {
    locks = made();
    await (await locks.acquire('warm')).release();
    redis.freeze();
    const from = performance.now();
    expect(await rejection(locks.acquire('r', { wait: '1h', ttl: '1h' }))).toBeInstanceOf(DeadlineError);
    expect(performance.now() - from).toBeLessThan(patience);
    redis.thaw();
    await eventually(async () => (await locks.inspect('r')).holder === undefined, { within: 20_000 });
    // What was asked too late did nothing, and leaves nobody in line.
    expect(await locks.inspect('r')).toEqual({ ttl: 0, waiting: 0 });
  });

  it('under skip the work is done without a lock, and an event tells', async () => {
    await redis.kill();
    locks = made({ outage: 'skip' });
    const told: unknown[] = [];
    locks.on('lock:skipped', ({ resource, scope, error }) => told.push([resource, scope, isOutage(error)]));
    const seen = await locks.use('r', async (lock) => {
      expect((await locks.tryAcquire('r2', { outage: 'skip' }))?.scope).toBe('none');
      await lock.refresh();
      return [lock.scope, lock.fencingToken, lock.isHeld, lock.signal.aborted];
    });
    expect(seen).toEqual(['none', 0, true, false]);
    expect(told).toEqual([['r', 'none', true], ['r2', 'none', true]]); // biome-ignore format: short
    expect(locks.stats()).toMatchObject({ acquired: 2, skipped: 2, released: 1 });
  });

  it('under local those of this process keep each other off', async () => {
    await redis.kill();
    locks = made({ outage: 'local' });
    const told: unknown[] = [];
    locks.on('lock:skipped', ({ resource, scope }) => told.push([resource, scope]));
    const lock = await locks.acquire('r');
    expect([lock.scope, lock.isHeld]).toEqual(['process', true]);
    expect(lock.fencingToken).toBeGreaterThan(0);
    expect(await locks.tryAcquire('r')).toBeUndefined();
    expect(await rejection(locks.acquire('r', { wait: 50 }))).toBeInstanceOf(LockNotAcquiredError);
    const next = locks.acquire('r', { wait: '20s' });
    await eventually(() => locks.stats().waiting === 1);
    expect(locks.stats().held).toBe(1);
    await lock.release();
    expect((await next).fencingToken).toBeGreaterThan(lock.fencingToken);
    expect(told[0]).toEqual(['r', 'process']);
  });

  it('who waits already outlasts a Redis that is restarted empty', async () => {
    locks = made();
    const holder = await locks.acquire('r', { ttl: '1m' });
    const waiting = locks.acquire('r', { wait: '50s' });
    await eventually(async () => (await locks.inspect('r')).waiting === 1);
    await redis.restart();
    const lock = await waiting;
    expect(lock.isHeld).toBe(true);
    expect(lock.fencingToken).toBeGreaterThan(holder.fencingToken);
    await eventually(() => holder.signal.aborted, { within: 20_000 });
    expect(await holder.release()).toBe(false);
    expect((await locks.inspect('r')).fencingToken).toBe(lock.fencingToken);
  });

  it('a release that is not heard is told again, and keeps nobody waiting until the ttl', async () => {
    locks = made();
    const lock = await locks.acquire('r', { ttl: '1h' });
    redis.freeze();
    const from = performance.now();
    expect(await lock.release()).toBe(false);
    expect(performance.now() - from).toBeLessThan(patience);
    redis.thaw();
    await eventually(async () => (await locks.tryAcquire('r')) !== undefined, { within: 20_000 });
  });

  it('close comes to an end while Redis does not answer', async () => {
    locks = made();
    await locks.acquire('held', { ttl: '1h' });
    await locks.acquire('r', { ttl: '1h' });
    const waiting = rejection(locks.acquire('r', { wait: '1h' }));
    await eventually(async () => (await locks.inspect('r')).waiting === 1);
    redis.freeze();
    const from = performance.now();
    await locks.close();
    expect(performance.now() - from).toBeLessThan(patience);
    expect((await waiting).name).toBe('ClosedError');
  });
});

it('a lock that Redis has no room for is refused, and nothing is left of it', async () => {
  locks = redisLocks({ redis: { url: redis.url } });
  const lock = await locks.acquire('held');
  await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  await expect(locks.acquire('r', { outage: 'skip' })).rejects.toThrow(/OOM/);
  // What is held can be renewed and given back: that needs no room.
  await lock.refresh();
  const waiting = rejection(locks.acquire('held', { wait: '1h' }));
  expect((await waiting).message).toMatch(/OOM/);
  expect(await lock.release()).toBe(true);
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  expect(await locks.inspect('held')).toEqual({ ttl: 0, waiting: 0 });
});

it('a cache that does not ask Redis any more refuses locks at once, unless they are to be local', async () => {
  const cache = cacheBuilder('shop')
    .memory()
    .redis({ url: redis.url })
    .budget('300ms')
    .circuitBreaker({ resetTimeout: '1h' })
    .build();
  locks = cache.locks;
  await (await locks.acquire('r')).release();
  await redis.kill();
  expect(isOutage(await rejection(locks.acquire('r')))).toBe(true);
  await eventually(async () => (await rejection(locks.acquire('r'))) instanceof CircuitOpenError, { within: 20_000 });
  expect((await locks.acquire('r', { outage: 'local' })).scope).toBe('process');
  await cache.close();
});

it('memory has no outage', async () => {
  locks = memoryLocks({ outage: 'skip' });
  expect((await locks.acquire('r')).scope).toBe('process');
});
