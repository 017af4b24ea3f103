import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis6';
import { type CacheBuilder, cacheBuilder, type TieredCache } from 'tierkeep';
import { runConformance } from 'tierkeep/testing';
import { afterAll, describe, it as inTurn } from 'vitest';
import { sharedCluster, sharedSentinel } from '../support/shared-topologies.js';

// Every case has a cache of its own name, so they need not wait for each other's short lives.
const it = inTurn.concurrent;
const [cluster, sentinel] = await Promise.all([sharedCluster(), sharedSentinel()]);
const nodes = cluster.ports.map((port) => ({ host: '127.0.0.1', port }));
const { masterName: name, sentinels } = sentinel;

/** Never connected: what they were made with is all that is asked of them. */
const clients = {
  cluster: new Cluster6(nodes, { lazyConnect: true }),
  sentinel: new Redis6({ name, sentinels: [...sentinels], lazyConnect: true }),
};
afterAll(() => Object.values(clients).forEach((client) => void client.disconnect()));

const ways: readonly [string, (builder: CacheBuilder) => CacheBuilder][] = [
  ['a Cluster, by ioredis 5', (builder) => builder.cluster({ nodes, driver: 'ioredis' })],
  ['a Cluster, by ioredis 6', (builder) => builder.cluster({ client: clients.cluster })],
  ['a Cluster, by @redis/client', (builder) => builder.cluster({ nodes, driver: 'node-redis' })],
  ['Sentinel, by ioredis 5', (builder) => builder.sentinel({ name, sentinels, driver: 'ioredis' })],
  ['Sentinel, by ioredis 6', (builder) => builder.sentinel({ client: clients.sentinel })],
  ['Sentinel, by @redis/client', (builder) => builder.sentinel({ name, sentinels, driver: 'node-redis' })],
];

/** What Redis is asked under a load of our own making may take long; a miss for want of time would say nothing about the contract. */
const patient = (name: string) => cacheBuilder(name).budget('30s');

describe.each(ways)('%s', (_, l2) => {
  runConformance({ describe, it, tags: true, newCache: (name) => ready(l2(patient(name)).build()) });

  describe('under memory', () => {
    runConformance({ describe, it, tags: true, newCache: (name) => ready(l2(patient(name).memory()).build()) });
  });
});

/** Many caches connect at once here, which may take the first call of one longer than its budget. */
async function ready(cache: TieredCache): Promise<TieredCache> {
  await cache.ready();
  return cache;
}
