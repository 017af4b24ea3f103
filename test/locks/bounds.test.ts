import { getEventListeners } from 'node:events';
import { type Lock, type Locks, redisLocks, redlock } from 'tierkeep/locks';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ConfigError, QueueFullError } from '../../src/errors.js';
import { type CommandMonitor, monitorCommands } from '../support/command-monitor.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const many = 10_000;

let redis: RedisServer;
let monitor: CommandMonitor;
let locks: Locks;
beforeAll(async () => {
  redis = await startRedis();
  monitor = await monitorCommands(redis.port);
});
afterEach(() => locks?.close());
afterAll(async () => {
  monitor.close();
  await redis.stop();
});

it('10,000 callers wait for one lock, nearly for nothing, and leave together', { timeout: 120_000 }, async () => {
  locks = redisLocks({ redis: { url: redis.url }, budget: '30s' });
  const holder = await locks.acquire('r', { ttl: '1h' });
  const abort = new AbortController();
  const waiting = Array.from({ length: many }, () => locks.acquire('r', { wait: '1h', signal: abort.signal }));
  const outcomes = Promise.allSettled(waiting);
  await eventually(async () => (await locks.inspect('r')).waiting === many, { within: 60_000 });
  expect(locks.stats().waiting).toBe(many);
  // One of them asks again each second, for all.
  monitor.forget();
  await eventually(() => monitor.commands.filter((name) => name === 'evalsha').length >= 2, { within: 20_000 });
  expect(monitor.commands.length).toBeLessThan(200);
  abort.abort();
  expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
  expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  await eventually(async () => (await locks.inspect('r')).waiting === 0, { within: 60_000 });
  expect([locks.stats().waiting, holder.isHeld]).toEqual([0, true]);
});

it('10,000 held locks are renewed, and lost by nobody', { timeout: 120_000 }, async () => {
  locks = redisLocks({ redis: { url: redis.url }, budget: '30s' });
  const held: Lock[] = [];
  const lost: unknown[] = [];
  locks.on('lock:lost', (event) => lost.push(event));
  for (let from = 0; from < many; from += 500) {
    held.push(
      ...(await Promise.all(Array.from({ length: 500 }, (_, index) => locks.acquire(`r${from + index}`, { ttl: '15s' })))),
    );
  }
  monitor.forget();
  // Each of them once, at the least.
  await eventually(() => monitor.commands.filter((name) => name === 'evalsha').length >= many, { within: 60_000 });
  await eventually(async () => (await locks.inspect('r0')).ttl > 5_000);
  expect([held.every((lock) => lock.isHeld), lost, locks.stats().held]).toEqual([true, [], many]);
});

it('more than maxLocks are refused, and none of those that are there suffers', async () => {
  locks = redisLocks({ redis: { url: redis.url }, maxLocks: 3 });
  const held = [await locks.acquire('a'), await locks.acquire('b')];
  const waiting = locks.acquire('a', { wait: '1h' });
  await eventually(() => locks.stats().waiting === 1);
  await expect(locks.acquire('c')).rejects.toThrow(QueueFullError);
  await expect(locks.tryAcquire('c')).rejects.toThrow(
    "3 locks are held or waited for in this process already, so 'c' was not asked for",
  );
  await held[0]?.release();
  expect((await waiting).isHeld).toBe(true);
  await held[1]?.release();
  expect(await locks.tryAcquire('c')).toBeDefined();
});

it('what cannot be right is refused before anything is connected', () => {
  const node = { url: redis.url };
  const wrong: readonly [string, () => Locks][] = [
    ['one of redis, cluster and sentinel, got none', () => redisLocks({})],
    ['got redis and cluster', () => redisLocks({ redis: node, cluster: { nodes: ['a:1'] } })],
    ['url', () => redisLocks({ redis: { url: 'http://x' } })],
    ["'nodes'", () => redisLocks({ nodes: [node] } as object)],
    ['characters of A-Z', () => redisLocks({ name: 'a b', redis: node })],
    ['3, 5 or 7 independent servers, got 2', () => redlock({ nodes: [node, node] })],
    ['3, 5 or 7 independent servers, got 4', () => redlock({ nodes: [node, node, node, node] })],
    ['3, 5 or 7 independent servers, got undefined', () => redlock({} as never)],
    ['the ttl of a lock must be from 10 ms to 1 day, got 5 ms', () => redlock({ nodes: [node, node, node], ttl: 5 })],
    ['budget must be positive', () => redisLocks({ redis: node, budget: 0 })],
  ];
  for (const [message, make] of wrong) {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  }
});

it('the same server twice is no second node', () => {
  const [a, b] = [{ url: 'redis://localhost:7001' }, { url: 'redis://localhost:7002' }];
  expect(() => redlock({ nodes: [a, b, a] })).toThrow('localhost:7001 is named twice');
  expect(() => redlock({ nodes: [a, b, { host: 'localhost', port: 7002 }] })).toThrow('named twice');
});
