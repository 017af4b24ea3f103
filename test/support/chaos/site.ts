import type { CacheBuilder } from 'tierkeep';
import type { RedisServer } from '../redis-server.js';
import type { Proxy as TcpProxy } from '../tcp-proxy.js';

export type DriverName = 'ioredis' | 'node-redis' | 'ioredis 6';
export type Topology = 'standalone' | 'sentinel' | 'cluster';

/** Real servers with a proxy before each node, and the ways for a cache to get there. */
export interface Site extends AsyncDisposable {
  readonly topology: Topology;
  /** One before each node. */
  readonly proxies: readonly TcpProxy[];
  readonly nodes: readonly RedisServer[];
  /** The node that a fault strikes: a master. */
  victim(): Promise<RedisServer>;
  /** Adds L2 over the given library, by way of the proxies. What it returns besides ends what was made for it. */
  through(builder: CacheBuilder, driver: DriverName): { readonly builder: CacheBuilder; release(): void };
  /** Adds L2 without a proxy on the way. */
  direct(builder: CacheBuilder): CacheBuilder;
  /** Resolves when another node has taken the place of `former`. */
  replaced(former: RedisServer): Promise<void>;
  /** Makes a replica of the master on this port the master, while clients write. */
  failOver(master: RedisServer): Promise<void>;
  /** Brings a killed node back, as a replica of whoever is the master now. */
  revive(server: RedisServer): Promise<void>;
  /** Resolves when every node is up and in its place. */
  healthy(): Promise<void>;
}
