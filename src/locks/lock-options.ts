import { type Duration, finiteMs, nonNegativeMs } from '../duration.js';
import { ConfigError } from '../errors.js';
import type { LockOptions, LockOutagePolicy } from '../lock.js';

/** What one call wants, checked, in ms. */
export interface LockTerms {
  readonly ttl: number;
  /** `Infinity` for ever. */
  readonly wait: number;
  readonly autoRenew: boolean;
  readonly outage: LockOutagePolicy;
  readonly budget: number;
  readonly signal: AbortSignal | undefined;
}

export type LockDefaults = Omit<LockTerms, 'signal'>;

export const lockDefaults: LockDefaults = { ttl: 30_000, wait: 10_000, autoRenew: true, outage: 'fail', budget: 500 };

const leastTtl = 10;
const longestTtl = 86_400_000;
const known = ['ttl', 'wait', 'autoRenew', 'outage', 'budget', 'signal'] as const satisfies readonly (keyof LockOptions)[];
const policies = ['fail', 'skip', 'local'] as const satisfies readonly LockOutagePolicy[];

/** @throws ConfigError */
export function lockTermsIn(options: LockOptions | undefined, defaults: LockDefaults): LockTerms {
  if (options === undefined) return { ...defaults, signal: undefined };
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`A lock takes an object of options, such as { ttl: '10s', wait: '5s' }; got ${String(options)}.`);
  }
  for (const name in options) {
    if (!known.includes(name as never)) {
      throw new ConfigError(`The option '${name}' of a lock is unknown. There are ${known.join(', ')}.`);
    }
  }
  const { ttl, wait, autoRenew, outage, budget, signal } = options;
  if (autoRenew !== undefined && typeof autoRenew !== 'boolean') {
    throw new ConfigError(`autoRenew must be true or false, got ${String(autoRenew)}.`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ConfigError('signal must be an AbortSignal: pass controller.signal, or AbortSignal.timeout(ms).');
  }
  return {
    ttl: ttl === undefined ? defaults.ttl : lockTtlIn(ttl),
    wait: wait === undefined ? defaults.wait : nonNegativeMs(wait, 'wait'),
    autoRenew: autoRenew ?? defaults.autoRenew,
    outage: outage === undefined ? defaults.outage : lockOutagePolicyIn(outage),
    budget: budget === undefined ? defaults.budget : finiteMs(budget, 'budget'),
    signal,
  };
}

/** @throws ConfigError */
export function lockTtlIn(ttl: Duration): number {
  const ms = finiteMs(ttl, 'the ttl of a lock');
  if (ms >= leastTtl && ms <= longestTtl) return ms;
  throw new ConfigError(
    `the ttl of a lock must be from ${leastTtl} ms to 1 day, got ${ms} ms. It is how long the lock outlives a holder that dies; a living one renews it.`,
  );
}

/** @throws ConfigError */
export function lockOutagePolicyIn(given: unknown): LockOutagePolicy {
  const policy = policies.find((one) => one === given);
  if (policy !== undefined) return policy;
  throw new ConfigError(`outage must be 'fail', 'skip' or 'local', got '${String(given)}'.`);
}
