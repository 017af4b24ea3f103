import { isDeepStrictEqual } from 'node:util';
import type { TieredCache } from '../../cache.js';
import { type Clock, systemClock } from '../../clock.js';
import { finiteMs } from '../../duration.js';
import { ConfigError } from '../../errors.js';
import type { AuditorOptions, Mismatch } from '../auditor.js';

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
