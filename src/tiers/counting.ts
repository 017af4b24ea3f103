import { isFresh } from '../entries/freshness.js';
import type { Core } from './core.js';
import type { Flight } from './flight.js';
import type { Found, TierName } from './found.js';

export function countL1Hit(core: Core, key: string): void {
  core.counters.l1Hits += 1;
  if (core.events.heard.hit) core.events.emit('hit', { key, tier: 'l1', stale: false });
}

/** A read that found no fresh copy in L1, by what it found instead. A tier that was not asked has neither hit nor miss. */
export function countBeyondL1(core: Core, key: string, { entry, tier }: Found, now = core.clock.now()): void {
  const { counters, events } = core;
  const fresh = isFresh(entry, now);
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

/** What a load found, for whom it was started; once, whatever it finds later. */
export function countFound(core: Core, flight: Flight, found: Found): void {
  if (flight.isCounted) return;
  flight.isCounted = true;
  countBeyondL1(core, flight.ticket.key, found);
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

export function countDeletePattern(core: Core, prefix: string, pattern: string, removed: number): void {
  core.counters.deletes += removed;
  if (core.events.heard['delete:pattern']) {
    core.events.emit('delete:pattern', { namespace: prefix.slice(0, -1), pattern, removed });
  }
}
