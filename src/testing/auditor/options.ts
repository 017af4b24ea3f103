import { isDeepStrictEqual } from 'node:util';
import type { TieredCache } from '../../cache.js';
import { type Clock, systemClock } from '../../clock.js';
import { type Duration, finiteMs } from '../../duration.js';
import { ConfigError } from '../../errors.js';
import type { Mismatch } from './mismatch.js';

export interface AuditorOptions {
  /**
   * A second cache of the same name over the same Redis, built without `.memory()`, so that it reads past the L1 that is audited. It stays
   * yours to close. Needed unless there is `read`.
   */
  readonly truth?: TieredCache | undefined;
  /**
   * Reads the source; `undefined` is "there is none". What is cached is compared with it too, in L1 and, with `truth`, in L2. Only for data
   * that is invalidated when it changes: what merely expires differs from its source in between, and rightly so.
   */
  readonly read?: ((key: string, context: { readonly signal: AbortSignal }) => unknown) | undefined;
  /** Whether two values say the same. Default: deeply equal. */
  readonly compare?: ((cached: unknown, actual: unknown, key: string) => boolean) | undefined;
  /** The share of reads whose keys are looked at, above 0 and at most 1. Default 0.01. */
  readonly sample?: number | undefined;
  /** Which keys are looked at. Default: all. */
  readonly keys?: ((key: string) => boolean) | undefined;
  /**
   * How long after a read its key is looked at, and how long a difference must last to count. It must be longer than the cache's
   * `maxStaleness`, and with `read` than the time between a change of the source and its invalidation too. Default 3 s, which suits a
   * `maxStaleness` of 2 s.
   */
  readonly after?: Duration | undefined;
  /**
   * What it means that L1 has an entry and L2 has none. `'report'` (default): a delete that L1 did not hear of. `'skip'`: nothing, as it
   * must be where Redis evicts for want of room (`maxmemory-policy`).
   */
  readonly absent?: 'report' | 'skip' | undefined;
  /** How long `read` may take. Default 5 s. */
  readonly timeout?: Duration | undefined;
  /** How many keys are looked at, at the same time. Default 4. */
  readonly concurrency?: number | undefined;
  /** How many keys wait to be looked at; further ones are dropped and counted. Default 1,000. */
  readonly maxPending?: number | undefined;
  /** Called for each difference that lasted. What it throws is a process warning. */
  readonly onMismatch?: ((mismatch: Mismatch) => unknown) | undefined;
  /** For tests; the cache's own. */
  readonly clock?: Clock | undefined;
}

export interface AuditSettings {
  readonly truth: TieredCache | undefined;
  readonly read: AuditorOptions['read'];
  readonly compare: (cached: unknown, actual: unknown, key: string) => boolean;
  readonly sample: number;
  readonly keys: (key: string) => boolean;
  readonly after: number;
  readonly absent: 'report' | 'skip';
  readonly timeout: number;
  readonly concurrency: number;
  readonly maxPending: number;
  readonly onMismatch: (mismatch: Mismatch) => unknown;
  readonly clock: Clock;
}

const known: Readonly<Record<keyof AuditorOptions, true>> = {
  truth: true,
  read: true,
  compare: true,
  sample: true,
  keys: true,
  after: true,
  absent: true,
  timeout: true,
  concurrency: true,
  maxPending: true,
  onMismatch: true,
  clock: true,
};

/** @throws ConfigError */
export function readAuditorOptions(cache: TieredCache, options: AuditorOptions): AuditSettings {
  if (!isCache(cache)) throw new ConfigError('auditor() takes the cache to watch first, as cacheBuilder().build() returns it.');
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError('auditor() takes an object of options, such as { truth, onMismatch }.');
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name)) {
      throw new ConfigError(`auditor(): the option '${name}' is unknown. There are ${Object.keys(known).join(', ')}.`);
    }
  }
  const { truth, read, compare, sample = 0.01, keys, after = '3s', absent = 'report', timeout = '5s' } = options;
  const { concurrency = 4, maxPending = 1_000, onMismatch, clock = systemClock } = options;
  if (truth === undefined && read === undefined) {
    throw new ConfigError(
      'auditor() needs something to compare with: truth, a cache of the same name built without .memory(), or read, a function that reads the source.',
    );
  }
  if (truth !== undefined) checkTruth(cache, truth);
  for (const [name, given] of Object.entries({ read, compare, keys, onMismatch })) {
    if (given !== undefined && typeof given !== 'function') throw new ConfigError(`auditor(): ${name} must be a function.`);
  }
  if (!(typeof sample === 'number' && sample > 0 && sample <= 1)) {
    throw new ConfigError(`auditor(): sample is a share of the reads, above 0 and at most 1; got ${String(sample)}.`);
  }
  if (absent !== 'report' && absent !== 'skip') throw new ConfigError("auditor(): absent must be 'report' or 'skip'.");
  return {
    truth,
    read,
    compare: compare ?? isDeepStrictEqual,
    sample,
    keys: keys ?? (() => true),
    after: finiteMs(after, 'after'),
    absent,
    timeout: finiteMs(timeout, 'timeout'),
    concurrency: count('concurrency', concurrency),
    maxPending: count('maxPending', maxPending),
    onMismatch: onMismatch ?? (() => undefined),
    clock,
  };
}

function checkTruth(cache: TieredCache, truth: TieredCache): void {
  if (!isCache(truth)) throw new ConfigError('auditor(): truth must be a cache, as cacheBuilder().build() returns it.');
  if (truth === cache || truth.health().tiers.some(({ tier }) => tier === 'l1')) {
    throw new ConfigError(
      'auditor(): truth has an L1 of its own, which may be as old as what is audited. Build it without .memory(), over the same Redis.',
    );
  }
}

function isCache(given: unknown): given is TieredCache {
  const { peek, getEntry, health, on, off } = Object(given) as Partial<TieredCache>;
  return [peek, getEntry, health, on, off].every((method) => typeof method === 'function');
}

function count(name: string, given: number): number {
  if (Number.isSafeInteger(given) && given > 0) return given;
  throw new ConfigError(`auditor(): ${name} must be a whole number from 1 up, got ${String(given)}.`);
}
