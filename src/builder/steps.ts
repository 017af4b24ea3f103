import type { Cache, EarlyRefresh, OutagePolicy, TieredCache } from '../cache.js';
import type { Clock } from '../clock.js';
import type { ClusterOptions } from '../config/cluster-options.js';
import type { Environment, EnvOptions } from '../config/environment.js';
import type { LockDefaultOptions } from '../config/locks-options.js';
import type { RedisOptions } from '../config/redis-options.js';
import type { SentinelOptions } from '../config/sentinel-options.js';
import type {
  BusOptions,
  CircuitBreakerOptions,
  JournalOptions,
  LeaseOptions,
  MemoryOptions,
  RetryOptions,
  TierOptions,
} from '../config.js';
import type { Duration } from '../duration.js';
import type { Logger } from '../outage-report.js';
import type { Plugin } from './plugin.js';
import type { Add, EitherOf, Truthy, WithL2, WithoutL1, WithoutL2 } from './state.js';

/**
 * A cache in the making. Each step gives a new builder and leaves the old one as it was, so that a common base can be branched.
 * `State` says which tiers are there, as in `CacheBuilder<'l1' | 'l2'>`; a step that cannot stand where it does is a compile error on
 * that step. `CacheBuilder` without it is not checked by the compiler, for loops and functions that pass builders on; what is wrong
 * then is a `ConfigError` of the step.
 */
// biome-ignore lint/suspicious/noExplicitAny: only `any` makes a builder of each state assignable to the unchecked one.
export interface CacheBuilder<State = any> {
  /** Puts an L1 tier in this process's memory. Without any tier named, memory alone is used. */
  readonly memory: WithoutL1<State, 'memory', (options?: MemoryOptions) => CacheBuilder<Add<State, 'l1'>>>;

  /**
   * Puts Redis behind it as L2, by a client that is made for it or by a copy of your own. It connects with the first call or
   * `ready()`; a Redis that is away is no error.
   * @throws ConfigError at `build()` when no client library is installed
   */
  readonly redis: WithoutL2<State, 'redis', (options?: RedisOptions) => CacheBuilder<Add<State, 'l2'>>>;

  /**
   * Puts a Redis Cluster behind it as L2. Keys are spread over all masters, and work on many keys takes one round trip to each.
   * @throws ConfigError at `build()` when no client library is installed or the client is none for a Cluster
   */
  readonly cluster: WithoutL2<State, 'cluster', (options: ClusterOptions) => CacheBuilder<Add<State, 'l2'>>>;

  /**
   * Puts the master that Redis Sentinels name behind it as L2, whichever node that is; it is followed through fail-overs.
   * @throws ConfigError at `build()` when no client library is installed or the client is none for Sentinels
   */
  readonly sentinel: WithoutL2<State, 'sentinel', (options: SentinelOptions) => CacheBuilder<Add<State, 'l2'>>>;

  /**
   * Puts any other `Cache` behind it as L2; with a tiered one there are three tiers. It gets the keys as they are, has no leases, and
   * stays open when this cache is closed, since it is yours.
   */
  readonly tier: WithoutL2<State, 'tier', (cache: Cache, options?: TierOptions) => CacheBuilder<Add<State, 'l2'>>>;

  /**
   * Takes settings from the environment: `CACHE_BACKEND`, `REDIS_URL`, `CACHE_TTL`… It may add Redis, a Cluster or Sentinel as L2, and replaces what earlier
   * steps have set; later steps replace what it has set.
   * @throws ConfigError that lists every bad variable
   */
  readonly env: WithoutL2<State, 'env', (env: Environment, options?: EnvOptions) => CacheBuilder<Add<State, 'l2?'>>>;

  /** When L2 is to be left alone, and for how long. It is always guarded; this changes the settings. */
  readonly circuitBreaker: WithL2<State, 'circuitBreaker', (options?: CircuitBreakerOptions) => CacheBuilder<State>>;

  /** The right of one process to fill a key. */
  readonly lease: WithL2<State, 'lease', (options?: LeaseOptions) => CacheBuilder<State>>;

  /**
   * How caches that share a Redis hear of each other's invalidations. On by default; `false` turns it off, and then a copy in L1 lives to
   * its TTL whatever others do. All processes of one cache must agree. Without effect on other L2 tiers.
   */
  readonly bus: WithL2<State, 'bus', (options?: BusOptions | false) => CacheBuilder<State>>;

  /** What calls do when L2 cannot be asked, where neither the call nor its namespace says. Default `'serve'`. */
  readonly outage: WithL2<State, 'outage', (policy: OutagePolicy) => CacheBuilder<State>>;

  /** How often, and how soon, a write is tried again that surely was not executed. */
  readonly retry: WithL2<State, 'retry', (options?: RetryOptions) => CacheBuilder<State>>;

  /** What is remembered of the changes that L2 has not acknowledged, or may lose. */
  readonly journal: WithL2<State, 'journal', (options?: JournalOptions) => CacheBuilder<State>>;

  /** How long what is stored while L2 is away may live, and how long what was in memory before may serve then. Default 30 s. */
  readonly outageTtl: WithL2<State, 'outageTtl', (ttl: Duration) => CacheBuilder<State>>;

  /** How long a value is fresh where the call does not say. Default 5 m; `Infinity` keeps for ever. */
  ttl(ttl: Duration): CacheBuilder<State>;
  /** How long a stale value may stand in for a factory that fails. Default 0. */
  grace(grace: Duration): CacheBuilder<State>;
  /** How long one call may spend on L2 in all. Default 500 ms. */
  budget(budget: Duration): CacheBuilder<State>;
  /** How long callers wait for a factory. Default 1 m. */
  hardTimeout(timeout: Duration): CacheBuilder<State>;
  /** How long they wait where a stale value could stand in. Default: as long. See `softTimeout` of `getOrSet`. */
  softTimeout(timeout: Duration): CacheBuilder<State>;
  /** How long after its TTL a value is served at once while a new one is made. Default 0. See `swr` of `getOrSet`. */
  swr(swr: Duration): CacheBuilder<State>;
  /** Makes new values of hot keys before the TTL ends. Default off; without argument on. See `earlyRefresh` of `getOrSet`. */
  earlyRefresh(earlyRefresh?: EarlyRefresh): CacheBuilder<State>;
  /** Up to so much is taken from each TTL at random, at most the TTL. Default 0. */
  jitter(jitter: Duration): CacheBuilder<State>;
  /** The TTL of `null` where a factory returns that. Default: as of any value. */
  negativeTtl(ttl: Duration): CacheBuilder<State>;
  /** How long a stale value that stood in for a factory serves before the next try. Default 1 s. */
  errorBackoff(pause: Duration): CacheBuilder<State>;
  /** What the calls of `cache.locks` use that do not say otherwise. */
  locks(options: LockDefaultOptions): CacheBuilder<State>;
  /** Time, for tests: see `fakeClock` of `tierkeep/testing`. */
  clock(clock: Clock): CacheBuilder<State>;
  /** Where outages and unreadable entries are reported. Without one, an outage is one process warning. */
  logger(logger: Logger): CacheBuilder<State>;
  use(plugin: Plugin): CacheBuilder<State>;

  /**
   * Goes one way or the other. A truthy `value` is passed on to `then`; else `otherwise` is taken, or nothing.
   * @example builder.when(process.env.REDIS_URL, (builder, url) => builder.redis({ url }))
   */
  when<Value, Then, Else = State>(
    value: Value,
    then: (builder: CacheBuilder<State>, value: Truthy<Value>) => CacheBuilder<Then>,
    otherwise?: (builder: CacheBuilder<State>) => CacheBuilder<Else>,
  ): CacheBuilder<EitherOf<Then, Else>>;

  /**
   * Puts the tiers together. Nothing is connected yet. Each call makes a cache of its own.
   * @throws ConfigError when a client library is missing or the client cannot be used
   */
  build(): TieredCache;
}
