import { cacheBuilder, type TieredCache } from 'tierkeep';
import { redisLocks, redlock } from 'tierkeep/locks';
import { runLockConformance } from 'tierkeep/testing';
import { afterAll, describe, it as inTurn } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { Locks } from '../../src/lock.js';
import { locksOver } from '../../src/locks/locks.js';
import { memoryNode } from '../../src/locks/memory-node.js';
import type { LockNode } from '../../src/locks/node.js';
import { startRedis } from '../support/redis-server.js';
import { sharedCluster, sharedSentinel } from '../support/shared-topologies.js';

// Every case has locks of a name of its own, so they need not wait for each other's short lives.
const it = inTurn.concurrent;
const [cluster, sentinel] = await Promise.all([sharedCluster(), sharedSentinel()]);
const three = await Promise.all([startRedis(), startRedis(), startRedis()]);
afterAll(() => Promise.all(three.map((server) => server.stop())));
const [{ url }] = three;
const { masterName, sentinels } = sentinel;
const nodes = cluster.ports.map((port) => ({ host: '127.0.0.1', port }));

/** What Redis is asked under a load of our own making may take long. */
const budget = '30s';
const inMemory = new Map<string, LockNode>();

/** As several processes would share a memory, if they could. */
function memoryLocksOf(name: string): Locks {
  const node = inMemory.get(name) ?? { ...memoryNode(systemClock), close: async () => undefined };
  inMemory.set(name, node);
  return locksOver({ clock: systemClock, nodes: [node], scope: 'process' });
}

const caches: TieredCache[] = [];
afterAll(() => Promise.all(caches.map((cache) => cache.close())));

function ofCache(name: string): Locks {
  const cache = cacheBuilder(name).memory().redis({ url }).budget(budget).build();
  caches.push(cache);
  return cache.locks;
}

const ways: readonly [string, (name: string) => Locks][] = [
  ['in memory', memoryLocksOf],
  ['one Redis, by ioredis', (name) => redisLocks({ name, budget, redis: { url, driver: 'ioredis' } })],
  ['one Redis, by @redis/client', (name) => redisLocks({ name, budget, redis: { url, driver: 'node-redis' } })],
  ['the locks of a cache', ofCache],
  ['a Cluster, by ioredis', (name) => redisLocks({ name, budget, cluster: { nodes, driver: 'ioredis' } })],
  ['a Cluster, by @redis/client', (name) => redisLocks({ name, budget, cluster: { nodes, driver: 'node-redis' } })],
  [
    'Sentinel, by ioredis',
    (name) => redisLocks({ name, budget, sentinel: { name: masterName, sentinels, driver: 'ioredis' } }),
  ],
  [
    'Sentinel, by @redis/client',
    (name) => redisLocks({ name, budget, sentinel: { name: masterName, sentinels, driver: 'node-redis' } }),
  ],
  [
    'Redlock over three, by ioredis',
    (name) => redlock({ name, budget, nodes: three.map(({ url }) => ({ url, driver: 'ioredis' as const })) }),
  ],
  [
    'Redlock over three, by @redis/client',
    (name) => redlock({ name, budget, nodes: three.map(({ url }) => ({ url, driver: 'node-redis' as const })) }),
  ],
];

describe.each(ways)('%s', (_, newLocks) => {
  runLockConformance({ describe, it, newLocks });
});
