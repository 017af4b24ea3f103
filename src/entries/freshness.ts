import type { Entry } from './entry.js';

/*
 * What an entry is worth at a moment. Pure, so that every decision about time can be tested without any.
 */

type Times = Pick<Entry, 'freshUntil' | 'expiresAt'>;

export type Freshness = 'fresh' | 'stale' | 'expired';

export function freshnessOf(entry: Times, now: number): Freshness {
  if (entry.freshUntil > now) return 'fresh';
  return entry.expiresAt > now ? 'stale' : 'expired';
}

export function isFresh(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && entry.freshUntil > now;
}

/** Whether it may still stand in for a factory that failed, or that takes too long. */
export function mayStandIn(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && entry.expiresAt > now;
}

/** Whether it may be served without waiting for a new one: it is fresh, or has not been stale for longer than `swr` ms. */
export function servesAtOnce(entry: Times, swr: number, now: number): boolean {
  return entry.expiresAt > now && entry.freshUntil + swr > now;
}

/**
 * XFetch (Vattani, Chierichetti, Lowenstein: Optimal probabilistic cache stampede prevention, VLDB 2015): whether this reader is to make a new value
 * although this one is fresh. `cost` is how long making it took, `random` is uniform in [0, 1). The expected moment is so far before the end
 * that the new value is there in time, and rarely is more than one reader chosen.
 */
export function isDueEarly(entry: Pick<Entry, 'freshUntil' | 'cost'>, beta: number, now: number, random: number): boolean {
  if (beta === 0 || entry.cost === 0) return false;
  return now - entry.cost * beta * Math.log(1 - random) >= entry.freshUntil;
}

/** Whether a reader is to give a value a new life of `sliding` ms: a quarter of the one it has is used up. */
export function isDueToSlide({ freshUntil }: Pick<Entry, 'freshUntil'>, sliding: number, now: number): boolean {
  return freshUntil - now < sliding * 0.75;
}
