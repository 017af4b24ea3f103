import type { Entry } from './entry.js';

/** What an entry is worth at a moment. Pure, so that every decision about time can be tested without any. */
export type Freshness = 'fresh' | 'stale' | 'expired';

export function freshnessOf(entry: Entry, now: number): Freshness {
  if (entry.freshUntil > now) return 'fresh';
  return entry.expiresAt > now ? 'stale' : 'expired';
}

export function isFresh(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && entry.freshUntil > now;
}

/** Whether a stale entry may still stand in for a factory that failed. */
export function mayStandIn(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && entry.expiresAt > now;
}
