import {
  type BusOptions,
  type CacheBuilder,
  type ClusterOptions,
  cacheBuilder,
  type RedisOptions,
  type SentinelOptions,
  type TieredCache,
} from 'tierkeep';

/** How to reach it. Can be told to another process. */
export interface L2 {
  readonly redis?: Pick<RedisOptions, 'url' | 'driver'>;
  readonly cluster?: Pick<ClusterOptions, 'nodes' | 'natMap' | 'driver'>;
  readonly sentinel?: Pick<SentinelOptions, 'name' | 'sentinels' | 'natMap' | 'driver'>;
}

export interface CacheSettings {
  readonly bus: BusOptions | false;
  readonly leaseMs: number;
  readonly budget: number;
  readonly outageTtl?: number;
  /** Default true. */
  readonly memory?: boolean;
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A cache that gives up soon and tries again soon, and tells nobody. */
export function cacheOver(name: string, { redis, cluster, sentinel }: L2, settings: CacheSettings): TieredCache {
  const { bus, leaseMs, budget, outageTtl = 30_000, memory = true } = settings;
  const first: CacheBuilder = memory ? cacheBuilder(name).memory() : cacheBuilder(name);
  const over = cluster ? first.cluster(cluster) : sentinel ? first.sentinel(sentinel) : first.redis(redis ?? {});
  return over
    .bus(bus)
    .lease({ ttl: leaseMs })
    .circuitBreaker({ resetTimeout: 200 })
    .budget(budget)
    .outageTtl(outageTtl)
    .ttl('1h')
    .logger(quiet)
    .build();
}
