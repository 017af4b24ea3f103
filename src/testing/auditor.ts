import type { TieredCache } from '../cache.js';
import type { CacheListener } from '../events.js';
import { Audit, type AuditStats } from './auditor/audit.js';
import { type AuditorOptions, readAuditorOptions } from './auditor/options.js';

export type { AuditStats } from './auditor/audit.js';
export type { Findings, Mismatch } from './auditor/mismatch.js';
export type { AuditorOptions } from './auditor/options.js';

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
