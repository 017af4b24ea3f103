import { z } from 'zod';
import type { Cache } from './cache.js';
import type { Clock } from './clock.js';
import { checkOptions, checkValue, convertedBy, must, objectWith, wholeNumber } from './config/check.js';
import { type Duration, finiteMs, positiveMs } from './duration.js';
import { checkName } from './entries/keys.js';
import { ConfigError } from './errors.js';
import type { Logger } from './outage-report.js';

/** Options of `.memory()`. */
export interface MemoryOptions {
  /** How many entries it keeps at most; the least recently used leave first. Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** How many bytes it keeps at most, by estimate. Default: not measured. */
  readonly maxBytes?: number | undefined;
  /**
   * How long a copy may stay in memory before Redis is asked again; never longer than the entry lives. Default: no limit of its own.
   */
  readonly ttl?: Duration | undefined;
  /**
   * How a cached object is handed out: the one reference to everybody (`'reference'`, the default and the fastest), frozen deeply, or
   * as a copy of its own each time.
   */
  readonly values?: 'reference' | 'frozen' | 'cloned' | undefined;
}

/** Options of `.tier()`. */
export interface TierOptions {
  /** For errors, events and `health()`. Default `'tier'`. */
  readonly name?: string | undefined;
}

/** Options of `.lease()`. */
export interface LeaseOptions {
  /** How long a lease outlives a process that dies; a living one renews it. Default 5 s, at least 100 ms. */
  readonly ttl?: Duration | undefined;
}

/** Options of `.bus()`. */
export interface BusOptions {
  /**
   * How long after its acknowledgement an invalidation by another process may go unheard, however the network fails. Twice a second (for
   * the default) two short commands are sent to keep to it. Default 2 s, at least 100 ms.
   */
  readonly maxStaleness?: Duration | undefined;
  /**
   * What is heard: the changes made with Tierkeep (`'pub-sub'`, the default), or also those by any other client of Redis (`'tracking'`).
   * With the latter what a process writes leaves its own L1, and comes back with the next read.
   */
  readonly mode?: BusMode | undefined;
}

export type BusMode = 'pub-sub' | 'tracking';

/** Options of `.retry()`. */
export interface RetryOptions {
  /** How often a write is tried again that surely was not executed; 0 turns it off. What may have been executed is never sent twice. Default 2. */
  readonly retries?: number | undefined;
  /** The first retry waits up to so long, each further one up to twice as long: anything from nothing to that, by chance. Default 10 ms. */
  readonly minBackoff?: Duration | undefined;
  /** No retry waits longer than this. All tries and waits together are bounded by the budget of the call. Default 100 ms. */
  readonly maxBackoff?: Duration | undefined;
}

/** Options of `.journal()`. */
export interface JournalOptions {
  /**
   * How many keys, tags, namespaces and patterns it remembers at most, about 100 bytes each: those that L2 has not acknowledged, and as many
   * that it has acknowledged within the window. Beyond it the whole cache is invalidated instead. Default 100,000.
   */
  readonly maxNames?: number | undefined;
  /**
   * How long what L2 has acknowledged is remembered, to be invalidated again if another server answers then, which may not have heard of it: a
   * replica that was made master, or one that was restarted from a snapshot. Default 1 m.
   */
  readonly window?: Duration | undefined;
}

/** Options of `.circuitBreaker()`. */
export interface CircuitBreakerOptions {
  /** How long L2 is left alone before one PING asks whether it is back, give or take a fifth by chance. Default 1 s. */
  readonly resetTimeout?: Duration | undefined;
  /** The circuit opens when more than this share of the calls in the window failed, in percent. Default 50. */
  readonly errorThreshold?: number | undefined;
  /** … and at least so many calls were made. So many failures in a row open it too. Default 5. */
  readonly volumeThreshold?: number | undefined;
  /** How far back calls are counted. Default 2 s, at least 100 ms. */
  readonly window?: Duration | undefined;
}

/** A Map, which the LRU list rests on, holds no more. */
const mostEntries = 2 ** 24 - 1;

export const maxEntries = (name: string) => wholeNumber(name, 1, mostEntries);
export const maxBytes = (name: string) => wholeNumber(name, 1, Number.MAX_SAFE_INTEGER);
export const errorThreshold = (name: string) => wholeNumber(name, 1, 100);
export const busMode = (name: string) => z.enum(['pub-sub', 'tracking'], must(name, "'pub-sub' or 'tracking'"));
export const maxNames = (name: string) => wholeNumber(name, 1, 10_000_000);
export const outagePolicy = (name: string) => z.enum(['serve', 'source', 'throw'], must(name, "'serve', 'source' or 'throw'"));
export const retries = (name: string) => wholeNumber(name, 0, 10);
export const volumeThreshold = (name: string) => wholeNumber(name, 1, 1_000_000);

/** For a length of time below which timers and counting buckets would cost more than they bring. */
export function atLeast100Ms(value: Duration, name: string): number {
  const ms = finiteMs(value, name);
  if (ms < 100) throw new ConfigError(`${name} must be at least 100 ms, got ${ms} ms.`);
  return Math.ceil(ms);
}

const memoryOptions = z.strictObject({
  maxEntries: maxEntries('maxEntries').optional(),
  maxBytes: maxBytes('maxBytes').optional(),
  ttl: convertedBy((given: Duration) => positiveMs(given, 'the ttl of memory')).optional(),
  values: z.enum(['reference', 'frozen', 'cloned'], must('values', "'reference', 'frozen' or 'cloned'")).optional(),
});

const tierOptions = z.strictObject({
  name: convertedBy((given: string) => {
    checkName(given, 'name');
    return given;
  }).optional(),
});

const leaseOptions = z.strictObject({
  ttl: convertedBy((given: Duration) => atLeast100Ms(given, 'the ttl of a lease')).optional(),
});

const busOptions = z.strictObject({
  maxStaleness: convertedBy((given: Duration) => atLeast100Ms(given, 'maxStaleness')).optional(),
  mode: busMode('mode').optional(),
});

const retryOptions = z.strictObject({
  retries: retries('retries').optional(),
  minBackoff: convertedBy((given: Duration) => finiteMs(given, 'minBackoff')).optional(),
  maxBackoff: convertedBy((given: Duration) => finiteMs(given, 'maxBackoff')).optional(),
});

const journalOptions = z.strictObject({
  maxNames: maxNames('maxNames').optional(),
  window: convertedBy((given: Duration) => atLeast100Ms(given, 'window')).optional(),
});

const circuitBreakerOptions = z.strictObject({
  resetTimeout: convertedBy((given: Duration) => finiteMs(given, 'resetTimeout')).optional(),
  errorThreshold: errorThreshold('errorThreshold').optional(),
  volumeThreshold: volumeThreshold('volumeThreshold').optional(),
  window: convertedBy((given: Duration) => atLeast100Ms(given, 'window')).optional(),
});

export type MemorySettings = z.output<typeof memoryOptions>;
export type RetryPlan = z.output<typeof retryOptions>;
export type JournalSettings = z.output<typeof journalOptions>;
export type BreakerSettings = z.output<typeof circuitBreakerOptions>;

export const readMemoryOptions = (given: unknown) => checkOptions('memory', memoryOptions, given);
export const readTierOptions = (given: unknown) => checkOptions('tier', tierOptions, given);
export const readLeaseOptions = (given: unknown) => checkOptions('lease', leaseOptions, given);
export const readBusOptions = (given: unknown) => checkOptions('bus', busOptions, given, ' Write .bus(false) to turn it off.');
export const readRetryOptions = (given: unknown) => checkOptions('retry', retryOptions, given);
export const readJournalOptions = (given: unknown) => checkOptions('journal', journalOptions, given);
export const readBreakerOptions = (given: unknown) => checkOptions('circuitBreaker', circuitBreakerOptions, given);

export const readOutagePolicy = (given: unknown) => checkValue(outagePolicy('outage()'), given);
export const readClock = (given: unknown) => checkValue(clock, given);
export const readLogger = (given: unknown) => checkValue(logger, given);
export const readCache = (given: unknown) => checkValue(cache, given);

const clock = objectWith<Clock>('clock()', ['now', 'coarseNow', 'monotonic', 'schedule']);
const logger = objectWith<Logger>('logger()', ['debug', 'info', 'warn', 'error']);
const cache = objectWith<Cache>('tier()', [
  'getEntry',
  'set',
  'setMany',
  'setIfAbsent',
  'delete',
  'deleteMany',
  'deletePattern',
  'expire',
  'increment',
  'ping',
]);
