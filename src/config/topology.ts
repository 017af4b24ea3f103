import type { ClusterOptions } from '../backends/redis/cluster.js';
import type { SentinelOptions } from '../backends/redis/sentinel.js';
import type { StandaloneOptions } from '../backends/redis/standalone.js';

/** Which kind of Redis, and how to reach it: checked, lengths of time in ms. */
export type TopologySettings =
  | { readonly kind: 'redis'; readonly options: StandaloneOptions }
  | { readonly kind: 'cluster'; readonly options: ClusterOptions }
  | { readonly kind: 'sentinel'; readonly options: SentinelOptions };
