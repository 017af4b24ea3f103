import { createCluster } from '@redis/client';
import { Cluster as Cluster5 } from 'ioredis';
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis6';
import { resolveServer } from '../../../../src/backends/redis/client-options.js';
import { type ClusterOptions, connectCluster, connectClusterBy } from '../../../../src/backends/redis/cluster.js';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { ioredisDriverOver } from '../../../../src/backends/redis/ioredis.js';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Every library the seam works over: how to connect by options, and how a user makes a client. */
export const libraries = [
  {
    library: 'ioredis 5',
    connect: (options: ClusterOptions): Connection => connectCluster({ ...options, driver: 'ioredis' }),
    client: (nodes: readonly Address[], password?: string) =>
      new Cluster5([...nodes], { lazyConnect: true, redisOptions: { ...(password !== undefined && { password }) } }),
  },
  {
    library: 'ioredis 6',
    connect: (options: ClusterOptions): Connection =>
      connectClusterBy((server) => ioredisDriverOver((settings) => new Redis6(settings), resolveServer(server)), options),
    client: (nodes: readonly Address[], password?: string) =>
      new Cluster6([...nodes], { lazyConnect: true, redisOptions: { ...(password !== undefined && { password }) } }),
  },
  {
    library: '@redis/client',
    connect: (options: ClusterOptions): Connection => connectCluster({ ...options, driver: 'node-redis' }),
    client: (nodes: readonly Address[], password?: string) =>
      createCluster({
        rootNodes: nodes.map((socket) => ({ socket })),
        defaults: { ...(password !== undefined && { password }) },
      }),
  },
] as const;
