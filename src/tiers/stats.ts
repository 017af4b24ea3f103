import type { CacheStats } from '../cache.js';
import type { Core } from './core.js';

export function statsOf(core: Core): CacheStats {
  const { l1Hits, l1Misses, l2Hits, l2Misses, ...others } = core.counters;
  return {
    ...others,
    hits: l1Hits + l2Hits,
    l1: { hits: l1Hits, misses: l1Misses },
    l2: { hits: l2Hits, misses: l2Misses },
    ...(core.peers && { bus: core.peers.stats() }),
    entries: core.local.size,
    bytes: core.local.bytes,
  };
}
