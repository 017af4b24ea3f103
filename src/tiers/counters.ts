import { isFresh } from '../entries/freshness.js';
import type { Core } from './core.js';
import type { Found, TierName } from './reads.js';

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

export function countL1Hit(core: Core, key: string): void {
  core.counters.l1Hits += 1;
  if (core.events.heard.hit) core.events.emit('hit', { key, tier: 'l1', stale: false });
}

/** A read that found no fresh copy in L1, by what it found instead. A tier that was not asked has neither hit nor miss. */
export function countBeyondL1(core: Core, key: string, { entry, tier }: Found): void {
  const { counters, events } = core;
  const fresh = isFresh(entry, core.clock.now());
  if (fresh && tier === 'l1') {
    countL1Hit(core, key);
    return;
  }
  if (core.localRole === 'tier') counters.l1Misses += 1;
  if (fresh) {
    counters.l2Hits += 1;
    if (events.heard.hit) events.emit('hit', { key, tier, stale: false });
  } else {
    if (tier === 'l2') counters.l2Misses += 1;
    counters.misses += 1;
    if (events.heard.miss) events.emit('miss', { key });
  }
}

/** A miss that was answered with a stale value all the same. */
export function countStale(core: Core, key: string, tier: TierName): void {
  core.counters.staleServed += 1;
  if (core.events.heard.hit) core.events.emit('hit', { key, tier, stale: true });
}

export function countSet(core: Core, key: string): void {
  core.counters.sets += 1;
  if (core.events.heard.set) core.events.emit('set', { key });
}

export function countDelete(core: Core, key: string): void {
  core.counters.deletes += 1;
  if (core.events.heard.delete) core.events.emit('delete', { key });
}
