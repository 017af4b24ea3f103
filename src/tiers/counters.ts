/** Plain integers that grow: the cheapest thing that can be read at any time. */
export interface Counters {
  l1Hits: number;
  l1Misses: number;
  l2Hits: number;
  l2Misses: number;
  misses: number;
  coalesced: number;
  staleServed: number;
  sets: number;
  deletes: number;
  evictions: number;
  factoryRuns: number;
  factoryErrors: number;
  refusedFills: number;
  unreadable: number;
  l2Errors: number;
}

export function newCounters(): Counters {
  return {
    l1Hits: 0,
    l1Misses: 0,
    l2Hits: 0,
    l2Misses: 0,
    misses: 0,
    coalesced: 0,
    staleServed: 0,
    sets: 0,
    deletes: 0,
    evictions: 0,
    factoryRuns: 0,
    factoryErrors: 0,
    refusedFills: 0,
    unreadable: 0,
    l2Errors: 0,
  };
}
