import { eventually } from '../eventually.js';
import { startSentinel } from '../redis-sentinel.js';
import type { RedisServer } from '../redis-server.js';
import { startProxy } from '../tcp-proxy.js';
import { connectTimeout } from './settings.js';
import type { Site } from './site.js';

/** Nothing is between a cache and the Sentinels: what they cannot reach they ask another one of. */
export async function sentinelSite(): Promise<Site> {
  const topology = await startSentinel({ replicas: 1 });
  const { nodes, masterName: name, sentinels } = topology;
  const proxies = await Promise.all(nodes.map((node) => startProxy(node)));
  const natMap = Object.fromEntries(
    nodes.map((node, index) => [`127.0.0.1:${node.port}`, proxies[index] as { host: string; port: number }]),
  );
  const victim = async () => {
    const port = await topology.master();
    return nodes.find((node) => node.port === port) as RedisServer;
  };
  return {
    topology: 'sentinel',
    proxies,
    nodes,
    victim,
    through(builder, driver) {
      if (driver === 'ioredis 6') throw new Error('ioredis 6 is tried on one server');
      return { builder: builder.sentinel({ name, sentinels, natMap, driver, connectTimeout }), release() {} };
    },
    direct: (builder) => builder.sentinel({ name, sentinels }),
    replaced: async (former) => void (await topology.waitForMaster({ otherThan: former.port, within: 20_000 })),
    failOver: async () => void (await topology.failover()),
    async revive(server) {
      await eventually(() => topology.restart(server.port), { within: 20_000, every: 100 });
    },
    healthy: () => topology.healthy(),
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await topology.stop();
    },
  };
}
