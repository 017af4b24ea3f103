import type { L2 } from '../histories/cache-over.js';
import { startCluster } from '../redis-cluster.js';
import { startSentinel } from '../redis-sentinel.js';
import { type RedisServer, startRedis } from '../redis-server.js';
import type { Line } from './line.js';

export const topologies = ['standalone', 'sentinel', 'cluster'] as const;
export type TopologyName = (typeof topologies)[number];
export type DriverName = 'ioredis' | 'node-redis';

/** Real servers, whatever their topology. */
export interface Site extends AsyncDisposable {
  /** Of every server that processes connect to. */
  readonly ports: readonly number[];
  /** How a process reaches it over its own line, or without one. */
  l2(driver: DriverName, line?: Line): L2;
  masters(): Promise<RedisServer[]>;
  /** One command to each master. */
  cli(...args: string[]): Promise<string>;
  /** Starts a dead server anew in the part that it had. */
  restart(port: number): Promise<void>;
  /** Another server takes over from a master; what it had acknowledged just before may be lost. Undefined if there is none. */
  readonly failOver: ((pick: <T>(list: readonly T[]) => T) => Promise<unknown>) | undefined;
  healthy(): Promise<void>;
}

/** On a busy machine nothing is to be replaced by itself, ms. */
const patience = 20_000;

export const startSite: Record<TopologyName, () => Promise<Site>> = {
  async standalone() {
    const redis = await startRedis();
    return {
      ports: [redis.port],
      l2: (driver, line) => ({ redis: { driver, url: `redis://127.0.0.1:${line?.at(redis.port).port ?? redis.port}` } }),
      masters: async () => [redis],
      cli: redis.cli,
      restart: () => redis.restart(),
      failOver: undefined,
      healthy: async () => void (await redis.cli('PING')),
      [Symbol.asyncDispose]: redis.stop,
    };
  },
  async sentinel() {
    const topology = await startSentinel({ downAfter: patience });
    const { masterName: name, nodes } = topology;
    const masters = async () => [topology.server(await topology.master())];
    return {
      ports: [...nodes, ...topology.sentinels].map(({ port }) => port),
      l2(driver, line) {
        const sentinels = topology.sentinels.map(({ host, port }) => line?.at(port) ?? { host, port });
        return { sentinel: { driver, name, sentinels, ...(line && { natMap: line.natMap }) } };
      },
      masters,
      cli: (...args) => onAll(masters, args),
      restart: topology.restart,
      failOver: () => topology.failover(),
      healthy: () => topology.healthy(),
      [Symbol.asyncDispose]: topology.stop,
    };
  },
  async cluster() {
    const cluster = await startCluster({ nodeTimeout: patience });
    const masters = async () => (await cluster.masters()).map(({ port }) => cluster.server(port));
    return {
      ports: cluster.ports,
      l2(driver, line) {
        const nodes = cluster.ports.slice(0, 4).map((port) => line?.at(port) ?? { host: '127.0.0.1', port });
        return { cluster: { driver, nodes, ...(line && { natMap: line.natMap }) } };
      },
      masters,
      cli: (...args) => onAll(masters, args),
      restart: cluster.restart,
      failOver: async (pick) => cluster.failover(pick(await cluster.replicas()).port, pick([undefined, 'TAKEOVER'] as const)),
      healthy: () => cluster.healthy(),
      [Symbol.asyncDispose]: cluster.stop,
    };
  },
};

async function onAll(masters: () => Promise<RedisServer[]>, args: readonly string[]): Promise<string> {
  const replies = await Promise.all((await masters()).map(({ cli }) => cli(...args)));
  return replies.join('\n');
}
