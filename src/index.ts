export { type CacheBuilder, cacheBuilder, type Plugin, type PluginInfo } from './builder.js';
export type * from './cache.js';
export type { Clock, Timer } from './clock.js';
export type { ClusterOptions } from './config/cluster-options.js';
export type { Environment, EnvOptions } from './config/environment.js';
export type { ReconnectOptions } from './config/reconnect-options.js';
export type { RedisOptions } from './config/redis-options.js';
export type { SentinelOptions } from './config/sentinel-options.js';
export type {
  BusMode,
  BusOptions,
  CircuitBreakerOptions,
  JournalOptions,
  LeaseOptions,
  MemoryOptions,
  RetryOptions,
  TierOptions,
} from './config.js';
export { duration } from './duration.js';
export * from './errors.js';
export type { CacheEventName, CacheEvents, CacheListener, Undelivered } from './events.js';
export type { Logger } from './outage-report.js';
export { cached, cachedMethod } from './tiers/cached.js';
