import { cacheBuilder, type TieredCache } from 'tierkeep';
import { memoryLocks } from 'tierkeep/locks';
import { afterEach, expect, it } from 'vitest';
import { ClosedError, ConfigError, LockNotAcquiredError, UnsupportedError } from '../../src/errors.js';
import { eventually } from '../support/eventually.js';
import { ownName, sharedStandalone } from '../support/shared-topologies.js';

const { url, cli } = await sharedStandalone();
const caches: TieredCache[] = [];
afterEach(() => Promise.all(caches.splice(0).map((cache) => cache.close())));

function built(cache: TieredCache): TieredCache {
  caches.push(cache);
  return cache;
}

it('two caches of one name over one Redis keep each other off; of two names they do not', async () => {
  const name = ownName('locks');
  const [a, b, other] = [name, name, ownName('others')].map((own) => built(cacheBuilder(own).memory().redis({ url }).build()));
  const lock = await a?.locks.acquire('r');
  expect(lock?.scope).toBe('all');
  expect(await b?.locks.tryAcquire('r')).toBeUndefined();
  expect(await other?.locks.tryAcquire('r')).toBeDefined();
  expect(await cli('GET', `${name}:lock:{r}`)).toMatch(new RegExp(`-${process.pid}-\\w+\\.\\w+ ${lock?.fencingToken}$`));
});

it('a namespace has its own, which the cache knows by their whole names', async () => {
  const cache = built(cacheBuilder(ownName('locks')).memory().redis({ url }).build());
  const [users, orders] = [cache.namespace('users'), cache.namespace('orders')];
  const lock = await users.locks.acquire('42');
  expect(lock.resource).toBe('users:42');
  expect(await orders.locks.tryAcquire('42')).toBeDefined();
  expect(await cache.namespace('users').locks.tryAcquire('42')).toBeUndefined();
  expect((await cache.locks.inspect('users:42')).fencingToken).toBe(lock.fencingToken);
  await expect(users.locks.acquire('')).rejects.toThrow('A resource must not be empty');
  await expect(users.locks.use('42', { wait: 0 }, () => 1)).rejects.toThrow(LockNotAcquiredError);
  expect(await users.locks.use('43', ({ resource }) => resource)).toBe('users:43');
  expect(await users.locks.forceRelease('42')).toBe(true);
});

it('without L2 they are of this process', async () => {
  const cache = built(cacheBuilder().memory().build());
  const lock = await cache.locks.acquire('r');
  expect(lock.scope).toBe('process');
  expect(await cache.locks.tryAcquire('r')).toBeUndefined();
});

it('the locks of a tier that is a cache are its own, and stay open; a tier without any says so', async () => {
  const below = built(cacheBuilder().memory().build());
  const above = built(cacheBuilder().memory().tier(below).build());
  const lock = await above.locks.acquire('r');
  expect(await below.locks.tryAcquire('r')).toBeUndefined();
  expect((await above.namespace('n').locks.acquire('r')).resource).toBe('n:r');
  await above.close();
  expect(lock.isHeld).toBe(true);
  const { locks: _, ...bare } = Object.assign(Object.create(null), ...[below].map(methodsOf));
  const mute = built(cacheBuilder().memory().tier(bare, { name: 'mine' }).build());
  expect(() => mute.locks).toThrow(UnsupportedError);
  expect(() => mute.locks).toThrow("The tier 'mine' has no locks");
  const third = built(cacheBuilder().memory().tier(mute).build());
  expect(() => third.locks).toThrow("The tier 'mine' has no locks");
});

function methodsOf(cache: TieredCache): object {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(cache)).filter(
    (name) => name !== 'locks' && name !== 'constructor',
  );
  return Object.fromEntries(
    names.map((name) => [name, (...args: unknown[]) => Reflect.apply(Reflect.get(cache, name), cache, args)]),
  );
}

it('they end with the cache: who waits is refused, what is held is given back', async () => {
  const name = ownName('locks');
  const closing = built(cacheBuilder(name).memory().redis({ url }).build());
  const staying = built(cacheBuilder(name).memory().redis({ url }).build());
  const held = await closing.locks.acquire('held', { ttl: '1h' });
  await staying.locks.acquire('taken', { ttl: '1h' });
  const waiting = expect(closing.locks.acquire('taken', { wait: '1h' })).rejects.toThrow(ClosedError);
  await eventually(async () => (await staying.locks.inspect('taken')).waiting === 1);
  await closing.close();
  await waiting;
  expect(held.isHeld).toBe(false);
  expect(await staying.locks.tryAcquire('held')).toBeDefined();
  await eventually(async () => (await staying.locks.inspect('taken')).waiting === 0);
  await expect(closing.locks.acquire('r')).rejects.toThrow(ClosedError);
});

it('the step of the builder sets what calls do not say, and is checked', async () => {
  const cache = built(
    cacheBuilder(ownName('locks')).redis({ url }).locks({ ttl: '1h', autoRenew: false }).locks({ wait: 0 }).build(),
  );
  await cache.locks.acquire('r');
  expect((await cache.locks.inspect('r')).ttl).toBeGreaterThan(3_500_000);
  await expect(cache.locks.acquire('r')).rejects.toThrow(LockNotAcquiredError);
  const wrong = () => cacheBuilder().locks({ ttl: 5, wait: -1, outage: 'serve', retries: 3, maxLocks: 0 } as object);
  expect(wrong).toThrow(ConfigError);
  for (const part of [
    'from 10 ms to 1 day',
    'wait must not be negative',
    "'fail', 'skip' or 'local'",
    "'retries' is unknown",
    'maxLocks',
  ]) {
    expect(wrong).toThrow(part);
  }
});

it('events of locks are events of their cache too', async () => {
  const cache = built(cacheBuilder().memory().build());
  const told: string[] = [];
  cache.on('lock:acquired', ({ resource }) => told.push(resource));
  await cache.locks.acquire('r');
  expect(told).toEqual(['r']);
});

it('a program of one process needs none of it', async () => {
  await using locks = memoryLocks();
  expect(await locks.use('r', { ttl: '5s' }, ({ scope }) => scope)).toBe('process');
});
