/**
 * One application on one server, on a Cluster and behind Sentinels: only the environment differs. It starts all three itself.
 * Run: `npx tsx examples/three-topologies.ts`
 */
import { cacheBuilder } from 'tierkeep';
import { startCluster } from '../test/support/redis-cluster.js';
import { startSentinel } from '../test/support/redis-sentinel.js';
import { startRedis } from '../test/support/redis-server.js';

/** The application: it knows nothing of topologies. */
async function application(env: Record<string, string>): Promise<string> {
  await using cache = cacheBuilder('shop').memory().env(env).build();
  const { status, tiers } = await cache.ready();
  let queries = 0;
  const ids = Array.from({ length: 100 }, (_, id) => id);
  const loadUser = async (id: number) => ({ id, name: `user ${id}`, query: ++queries });
  await Promise.all(ids.map((id) => cache.getOrSet(`user:${id}`, () => loadUser(id))));
  await cache.increment('visits');
  const removed = await cache.deletePattern('user:?');
  const left = await cache.getMany(ids.map((id) => `user:${id}`));
  const on = tiers.map(({ tier, name }) => `${tier} ${name}`).join(' over ');
  return `${status}, ${on}: ${queries} queries, ${removed} removed by pattern, ${left.size} left`;
}

function list(addresses: readonly { host: string; port: number }[]): string {
  return addresses.map(({ host, port }) => `${host}:${port}`).join(',');
}

const [server, cluster, sentinel] = await Promise.all([startRedis(), startCluster(), startSentinel()]);
try {
  console.log('one server:', await application({ CACHE_BACKEND: 'redis', REDIS_URL: server.url }));
  const nodes = { REDIS_CLUSTER_NODES: list(cluster.addresses) };
  console.log('Cluster:   ', await application({ CACHE_BACKEND: 'cluster', ...nodes }));
  const sentinels = { REDIS_SENTINELS: list(sentinel.sentinels), REDIS_SENTINEL_NAME: sentinel.masterName };
  console.log('Sentinel:  ', await application({ CACHE_BACKEND: 'sentinel', ...sentinels }));
} finally {
  await Promise.all([server.stop(), cluster.stop(), sentinel.stop()]);
}
