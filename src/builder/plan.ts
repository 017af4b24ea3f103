import type { Cache, OutagePolicy } from '../cache.js';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { defaults } from '../config/defaults.js';
import type { LocksSettingsOfCache } from '../config/locks-options.js';
import type { TopologySettings } from '../config/topology.js';
import type { BreakerSettings, BusMode, JournalSettings, MemorySettings, RetryPlan } from '../config.js';
import { ConfigError } from '../errors.js';
import type { Logger } from '../outage-report.js';
import type { Defaults } from '../tiers/call-options.js';
import type { Plugin } from './plugin.js';
import { refusals } from './refusals.js';

/** The one or other kind of L2 tier; a new backend is a new kind. */
export type L2Plan = TopologySettings | { readonly kind: 'tier'; readonly cache: Cache; readonly name: string };

/** What the steps of a builder have settled so far: checked, lengths of time in ms. Never changed, only replaced. */
export interface Plan {
  readonly name: string;
  readonly l1: boolean;
  readonly l2: L2Plan | undefined;
  /** A branch or the environment might have named an L2 tier, so a step that needs one is right, if perhaps without effect. */
  readonly l2Possible: boolean;
  /** Of memory as L1 or as stand-in. */
  readonly memory: MemorySettings;
  readonly settings: Omit<Defaults, 'outage'> & Readonly<Record<'outageTtl' | 'leaseTtl' | 'maxStaleness', number>>;
  /** How caches that share Redis hear of each other's changes, if they do. */
  readonly bus: BusMode | false;
  readonly outage: OutagePolicy;
  readonly retry: RetryPlan;
  readonly journal: JournalSettings;
  readonly circuitBreaker: BreakerSettings;
  readonly locks: LocksSettingsOfCache;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  readonly plugins: readonly Plugin[];
}

export function emptyPlan(name: string): Plan {
  const { ttl, grace, jitter, swr, softTimeout, hardTimeout, beta, negativeTtl, errorBackoff, sliding } = defaults;
  const { budget, outageTtl, leaseTtl, maxStaleness } = defaults;
  return {
    name,
    l1: false,
    l2: undefined,
    l2Possible: false,
    memory: {},
    settings: {
      ...{ ttl, grace, jitter, swr, softTimeout, hardTimeout, beta, negativeTtl, errorBackoff, sliding },
      ...{ budget, outageTtl, leaseTtl, maxStaleness },
    },
    bus: defaults.busMode,
    outage: defaults.outage,
    retry: {},
    journal: {},
    circuitBreaker: {},
    locks: {},
    clock: systemClock,
    logger: undefined,
    plugins: [],
  };
}

export function withL1(plan: Plan, options: MemorySettings): Plan {
  if (plan.l1) throw new ConfigError(refusals.memory);
  return { ...plan, l1: true, memory: { ...plan.memory, ...options } };
}

export function withL2(plan: Plan, l2: L2Plan): Plan {
  if (plan.l2 !== undefined) throw new ConfigError(refusals[l2.kind]);
  return { ...plan, l2, l2Possible: true };
}

export function withRetry(plan: Plan, given: RetryPlan): Plan {
  const retry = { ...plan.retry, ...given };
  const { minBackoff = defaults.retry.minBackoff, maxBackoff = defaults.retry.maxBackoff } = retry;
  if (minBackoff > maxBackoff) {
    throw new ConfigError(`minBackoff (${minBackoff} ms) must not be longer than maxBackoff (${maxBackoff} ms): set both.`);
  }
  return { ...plan, retry };
}

type StepOfL2 = 'circuitBreaker' | 'lease' | 'bus' | 'outage' | 'retry' | 'journal' | 'outageTtl';

export function needsL2(plan: Plan, step: StepOfL2): void {
  if (!plan.l2Possible) throw new ConfigError(refusals[step]);
}
