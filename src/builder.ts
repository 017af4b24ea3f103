import { buildCache } from './builder/build.js';
import { emptyPlan, needsL2, type Plan, withL1, withL2, withRetry } from './builder/plan.js';
import type { Plugin } from './builder/plugin.js';
import { refusals } from './builder/refusals.js';
import type { CacheBuilder } from './builder/steps.js';
import { readClusterOptions } from './config/cluster-options.js';
import { defaults } from './config/defaults.js';
import { type EnvironmentSettings, readEnvironment } from './config/environment.js';
import { readLocksOptions } from './config/locks-options.js';
import { readRedisOptions } from './config/redis-options.js';
import { readSentinelOptions } from './config/sentinel-options.js';
import {
  readBreakerOptions,
  readBusOptions,
  readCache,
  readClock,
  readJournalOptions,
  readLeaseOptions,
  readLogger,
  readMemoryOptions,
  readOutagePolicy,
  readRetryOptions,
  readTierOptions,
} from './config.js';
import { type Duration, endingMs, finiteMs, nonNegativeMs, positiveMs } from './duration.js';
import { checkName } from './entries/keys.js';
import { ConfigError } from './errors.js';
import { betaIn } from './tiers/call-options.js';

export type { Plugin, PluginInfo } from './builder/plugin.js';
export type { CacheBuilder } from './builder/steps.js';

/**
 * Begins a cache. The name goes before every key in Redis, so programs that share a Redis and not their entries take different ones.
 * @param name 1 to 64 characters of A-Z, a-z, 0-9, '_', '.' and '-'. Default `'tierkeep'`.
 * @throws ConfigError, here and at each step, for what cannot be right
 * @example
 * const cache = cacheBuilder('shop').memory({ maxEntries: 10_000 }).redis({ url: 'redis://localhost:6379' }).ttl('5m').build();
 */
export function cacheBuilder(name = 'tierkeep'): CacheBuilder<'new'> {
  checkName(name, "a cache's name");
  return builderOf(emptyPlan(name));
}

/** The steps over a plan, unchecked by the compiler: their order is checked here, at run time, too. */
function builderOf(plan: Plan): CacheBuilder {
  const set = (changes: Partial<Plan['settings']>) => builderOf({ ...plan, settings: { ...plan.settings, ...changes } });

  const builder: CacheBuilder = {
    memory: (options = {}) => builderOf(withL1(plan, readMemoryOptions(options))),
    redis: (options = {}) => builderOf(withL2(plan, { kind: 'redis', options: readRedisOptions(options) })),
    cluster: (options) => builderOf(withL2(plan, { kind: 'cluster', options: readClusterOptions(options) })),
    sentinel: (options) => builderOf(withL2(plan, { kind: 'sentinel', options: readSentinelOptions(options) })),
    tier(cache, options = {}) {
      const { name = 'tier' } = readTierOptions(options);
      return builderOf(withL2(plan, { kind: 'tier', cache: readCache(cache), name }));
    },
    env(env, options) {
      if (plan.l2 !== undefined) throw new ConfigError(refusals.env);
      return builderOf(withEnvironment(plan, readEnvironment(env, options)));
    },
    circuitBreaker(options = {}) {
      needsL2(plan, 'circuitBreaker');
      return builderOf({ ...plan, circuitBreaker: { ...plan.circuitBreaker, ...readBreakerOptions(options) } });
    },
    lease(options = {}) {
      needsL2(plan, 'lease');
      const { ttl: leaseTtl = plan.settings.leaseTtl } = readLeaseOptions(options);
      return set({ leaseTtl });
    },
    bus(options = {}) {
      needsL2(plan, 'bus');
      if (options === false) return builderOf({ ...plan, bus: false });
      const { maxStaleness = plan.settings.maxStaleness, mode = plan.bus || defaults.busMode } = readBusOptions(options);
      return builderOf({ ...plan, bus: mode, settings: { ...plan.settings, maxStaleness } });
    },
    outage(policy) {
      needsL2(plan, 'outage');
      return builderOf({ ...plan, outage: readOutagePolicy(policy) });
    },
    journal(options = {}) {
      needsL2(plan, 'journal');
      return builderOf({ ...plan, journal: { ...plan.journal, ...readJournalOptions(options) } });
    },
    retry(options = {}) {
      needsL2(plan, 'retry');
      return builderOf(withRetry(plan, readRetryOptions(options)));
    },
    outageTtl(ttl) {
      needsL2(plan, 'outageTtl');
      return set({ outageTtl: positiveMs(ttl, 'outageTtl') });
    },
    ttl: (ttl: Duration) => set({ ttl: positiveMs(ttl, 'ttl') }),
    grace: (grace) => set({ grace: nonNegativeMs(grace, 'grace') }),
    budget: (budget) => set({ budget: finiteMs(budget, 'budget') }),
    hardTimeout: (timeout) => set({ hardTimeout: finiteMs(timeout, 'hardTimeout') }),
    softTimeout: (timeout) => set({ softTimeout: nonNegativeMs(timeout, 'softTimeout') }),
    jitter: (jitter) => set({ jitter: endingMs(jitter, 'jitter') }),
    swr: (swr) => set({ swr: nonNegativeMs(swr, 'swr') }),
    earlyRefresh: (earlyRefresh = true) => set({ beta: betaIn(earlyRefresh) }),
    negativeTtl: (ttl) => set({ negativeTtl: positiveMs(ttl, 'negativeTtl') }),
    errorBackoff: (pause) => set({ errorBackoff: endingMs(pause, 'errorBackoff') }),
    locks: (options) => builderOf({ ...plan, locks: { ...plan.locks, ...readLocksOptions(options) } }),
    clock: (clock) => builderOf({ ...plan, clock: readClock(clock) }),
    logger: (logger) => builderOf({ ...plan, logger: readLogger(logger) }),
    use: (plugin) => builderOf({ ...plan, plugins: [...plan.plugins, readPlugin(plugin)] }),
    when(value, then, otherwise) {
      if (typeof then !== 'function' || (otherwise !== undefined && typeof otherwise !== 'function')) {
        throw new ConfigError('when() takes a value and one or two functions: .when(value, (builder, value) => …).');
      }
      if (value) return taken(then(builder, value as never), otherwise !== undefined);
      return taken(otherwise === undefined ? builder : otherwise(builder), true);
    },
    build: () => buildCache(plan),
  };
  plans.set(builder, plan);
  return builder;
}

const plans = new WeakMap<object, Plan>();

/** What a branch of `when()` returned. The branch that was not taken, if there is one, may have named an L2 tier. */
function taken(branch: CacheBuilder, anotherWasNot: boolean): CacheBuilder {
  const plan = plans.get(Object(branch));
  if (plan === undefined) throw new ConfigError('when() goes on with what its branch returns: return the builder there.');
  return anotherWasNot && !plan.l2Possible ? builderOf({ ...plan, l2Possible: true }) : branch;
}

function withEnvironment(
  plan: Plan,
  { general, settings, memory, circuitBreaker, retry, journal, l2 }: EnvironmentSettings,
): Plan {
  return {
    ...withRetry(plan, retry),
    name: general.name ?? plan.name,
    bus: general.busMode ?? plan.bus,
    l2,
    l2Possible: true,
    memory: { ...plan.memory, ...memory },
    settings: { ...plan.settings, ...settings },
    circuitBreaker: { ...plan.circuitBreaker, ...circuitBreaker },
    outage: general.outage ?? plan.outage,
    journal: { ...plan.journal, ...journal },
  };
}

function readPlugin(given: Plugin): Plugin {
  if (typeof given === 'function') return given;
  throw new ConfigError('use() takes a plugin: a function that is given the cache once it is built.');
}
