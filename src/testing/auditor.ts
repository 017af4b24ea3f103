import type { Duration, Entry, TieredCache } from '../cache.js';
import type { Clock } from '../clock.js';
import type { CacheListener } from '../events.js';
import { Audit } from './auditor/audit.js';
import { readAuditorOptions } from './auditor/options.js';

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

/** A tier that kept serving what is not true any more. */
export interface Mismatch {
  readonly key: string;
  /** Where the wrong value is. */
  readonly tier: 'l1' | 'l2';
  /** What says so. */
  readonly against: 'l2' | 'source';
  readonly found: Findings;
  /** How long the same write has been seen to be wrong, ms; at least `after`. */
  readonly lastedMs: number;
  /** How long ago the wrong value was made, by the clock of whoever made it, ms. */
  readonly ageMs: number;
}

/** What is there now; absent where there is nothing, or where nobody looked. */
export interface Findings {
  readonly l1?: Entry | undefined;
  readonly l2?: Entry | undefined;
  readonly source?: { readonly value: unknown } | undefined;
}

/** Plain integers since it began. `sampled` is `matched + mismatched + skipped + pending`. */
export interface AuditStats {
  readonly sampled: number;
  /** `matched + mismatched`. */
  readonly checked: number;
  readonly matched: number;
  readonly mismatched: number;
  /** Not judged: no longer cached, L2 or the source away, or changed again each time. */
  readonly skipped: number;
  /** Never looked at, since `maxPending` others waited. */
  readonly dropped: number;
  readonly pending: number;
}

export interface Auditor extends AsyncDisposable {
  stats(): AuditStats;
  /** Stops sampling, forgets what waits and resolves when nothing runs any more. Safe to call twice. Closes neither cache. */
  close(): Promise<void>;
}

/**
 * Watches a cache in production for values that should have gone (after Meta's Polaris, "Cache made consistent", 2022). It takes a
 * sample of the keys that are read, and later compares what memory serves with what Redis, or the source, has.
 *
 * A difference alone means little: the message may be on its way. It counts when the very same write is still served `after` later; no
 * stream of ordinary writes looks like that. While L2 is away nothing is judged.
 *
 * Give it the cache itself and not a namespace of it. Each look counts as two hits in the cache's `stats()`.
 * @throws ConfigError for options that cannot be right
 * @example
 * const truth = cacheBuilder('shop').redis({ url }).build(); // no .memory(): it reads Redis each time
 * const audit = auditor(cache, { truth, onMismatch: ({ key, ageMs }) => log.error({ key, ageMs }, 'stale') });
 */
export function auditor(cache: TieredCache, options: AuditorOptions): Auditor {
  const audit = new Audit(cache, readAuditorOptions(cache, options));
  const onHit: CacheListener<'hit'> = ({ key, stale }) => {
    if (!stale) audit.sample(key);
  };
  cache.on('hit', onHit);
  const close = () => {
    cache.off('hit', onHit);
    return audit.close();
  };
  return { stats: () => audit.stats(), close, [Symbol.asyncDispose]: close };
}
