import { eventually } from '../eventually.js';
import { startCluster } from '../redis-cluster.js';
import type { RedisServer } from '../redis-server.js';
import { startProxy } from '../tcp-proxy.js';
import { connectTimeout } from './settings.js';
import type { Site } from './site.js';

export async function clusterSite(): Promise<Site> {
  const cluster = await startCluster();
  const nodes = cluster.nodes.map(({ server }) => server);
  const made = await Promise.all(nodes.map(async (node) => [node.port, await startProxy(node)] as const));
  const byPort = new Map(made);
  const proxies = [...byPort.values()];
  const natMap = (announced: string) => byPort.get(Number(announced.split(':').at(-1)));
  return {
    topology: 'cluster',
    proxies,
    nodes,
    async victim() {
      const [master] = await cluster.masters();
      return nodes.find((node) => node.port === master?.port) as RedisServer;
    },
    through(builder, driver) {
      if (driver === 'ioredis 6') throw new Error('ioredis 6 is tried on one server');
      return { builder: builder.cluster({ nodes: proxies, natMap, driver, connectTimeout }), release() {} };
    },
    direct: (builder) => builder.cluster({ nodes: cluster.addresses }),
    async replaced({ port }) {
      // Not too often: each look is a connection to each node, made by the process that is measured.
      const done = async () => {
        const ports = (await cluster.masters()).map((master) => master.port);
        return ports.length === 3 && !ports.includes(port);
      };
      await eventually(done, { within: 20_000, every: 50 });
    },
    async failOver({ port }) {
      const id = await cluster.cli(port, 'CLUSTER', 'MYID');
      const replica = (await cluster.replicas()).find(({ masterId }) => masterId === id);
      if (replica === undefined) throw new Error(`the master on port ${port} has no replica`);
      await cluster.failover(replica.port);
    },
    async revive({ port }) {
      await cluster.restart(port);
      // A master that comes back takes nothing for two seconds, whatever its clients do.
      await eventually(async () => (await cluster.cli(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok'), {
        within: 20_000,
      });
    },
    healthy: () => cluster.healthy({ within: 25_000 }),
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await cluster.stop();
    },
  };
}
