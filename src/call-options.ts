import type { Duration } from './duration.js';

/** Options of any one call. */
export interface CallOptions {
  /** How long the call may spend on L2 in all, over all its commands. Default: the cache's (500 ms). */
  readonly budget?: Duration;
  /** What the call does when L2 cannot be asked. Default: the namespace's or the cache's (`'serve'`). */
  readonly outage?: OutagePolicy;
  /**
   * Ends this caller's wait, with the signal's own reason. One that is aborted already rejects before anything is looked at, L1 included.
   * Afterwards what was sent goes on, a factory for the others and for the cache: whether a write was done is not known then.
   */
  readonly signal?: AbortSignal;
}

/**
 * What a call does when L2 has to be asked and cannot be. What is in L1 and known to be true is served in any case.
 *
 * - `serve`: memory and the factory serve. What was in memory before the outage serves for `outageTtl` more (30 s), and what is stored during
 *   it lives no longer. Deletes, invalidations and sets are in force in L2 once it is back: a set as a delete, so that nobody's newer value is lost.
 * - `source`: the factory runs each time, reads without one miss, and nothing is kept in memory that L2 does not have. Changes as with `serve`.
 * - `throw`: the call rejects with a `CircuitOpenError`, `ConnectionError` or `DeadlineError`, or with the `BackendError` by which L2 refused (OOM);
 *   writes included. Nothing is done later: what was not acknowledged may have happened or not, and surely has not if the error is `unsent`. For
 *   what has its only copy in the cache, such as sessions.
 *
 * Atomic calls (`setIfAbsent`, `increment`, `expire`) reject under each of them.
 */
export type OutagePolicy = 'serve' | 'source' | 'throw';

/** Options of {@link Cache.delete}. */
export interface DeleteOptions extends CallOptions {
  /** Makes the entry stale instead: within its grace it may still stand in for a factory that fails. Default false. */
  readonly soft?: boolean;
}

/** Options of {@link Cache.clear}. */
export interface ClearOptions extends CallOptions {
  /**
   * Also removes every entry from L2 by SCAN and UNLINK. Without it what was cleared takes room there until its time is up. Default false.
   */
  readonly physical?: boolean;
}

/** Options of {@link TieredCache.invalidateTags}. */
export interface InvalidateTagsOptions extends CallOptions {
  /** Makes the entries stale instead: within their grace they may still stand in for a factory that fails. Default false. */
  readonly soft?: boolean;
}

/** Options of a write. */
export interface SetOptions extends CallOptions {
  /** How long the value is fresh. Default: the cache's (5 m). `Infinity` keeps for ever. */
  readonly ttl?: Duration;
  /** How long after its TTL a stale value may still stand in for a factory that fails. Default: the cache's (0). */
  readonly grace?: Duration;
  /**
   * Up to so much is taken from the TTL at random, so that what was stored together does not end together. At most the TTL. Default: the
   * cache's (0).
   */
  readonly jitter?: Duration;
  /**
   * What the value depends on, for {@link TieredCache.invalidateTags}: at most 64, each 1 to 512 bytes. Tags belong to the whole cache, its
   * namespaces included. Default: none.
   */
  readonly tags?: readonly string[];
}

/** Options of {@link TieredCache.getOrSet}. */
export interface GetOrSetOptions extends SetOptions {
  /** Runs the factory even if a fresh value is cached, and replaces it; no old value stands in if it fails. Default false. */
  readonly forceFresh?: boolean;
  /**
   * How long callers wait for the factory. Afterwards they get the stale value if grace allows, else a `FactoryTimeoutError`; the
   * factory's `signal` aborts, and it keeps its place so that no second one piles up behind it. Default: the cache's (1 m).
   */
  readonly hardTimeout?: Duration;
  /**
   * How long callers wait for the factory where a stale value could stand in. Then they get that; the factory goes on, keeps its place and its
   * lease, and what it makes is stored. At most `hardTimeout`. Default: the cache's (no limit but `hardTimeout`).
   */
  readonly softTimeout?: Duration;
  /**
   * Stale while revalidate, as in RFC 5861: how long after its TTL a value is still served at once, while one caller of all processes makes the
   * new one in the background. Default: the cache's (0).
   */
  readonly swr?: Duration;
  /**
   * Makes a new value in the background before the TTL ends, the more likely the nearer that is and the longer the factory took, so that hot keys
   * are never cold: XFetch (Vattani, Chierichetti and Lowenstein, VLDB 2015). `beta` above 1 begins earlier. Default: the cache's (`false`);
   * `true` is `{ beta: 1 }`.
   */
  readonly earlyRefresh?: EarlyRefresh;
  /** The TTL of `null` when the factory returns that. Default: the cache's (as of any value). */
  readonly negativeTtl?: Duration;
  /** After a factory failed and a stale value stood in, that serves so long without another try, in all processes. Default: the cache's (1 s). */
  readonly errorBackoff?: Duration;
  /** See {@link ReadOptions.sliding}. */
  readonly sliding?: Duration;
}

export type EarlyRefresh = boolean | { readonly beta: number };

/** Options of {@link Cache.get} and {@link Cache.getMany}. */
export interface ReadOptions extends CallOptions {
  /**
   * Sliding expiration: who reads the value gives it this life from now on, as `expire` would. Written in the background, and only when a quarter
   * of it is used up, so that a value that is read often is not written often. Default: the namespace's (none).
   */
  readonly sliding?: Duration;
}

/** What a factory may change about the entry it makes. */
export type FactorySetOptions = Pick<SetOptions, 'ttl' | 'grace' | 'tags'>;

/** What calls of the namespace use when they do not say otherwise. */
export type NamespaceOptions = Pick<
  GetOrSetOptions,
  | 'ttl'
  | 'grace'
  | 'jitter'
  | 'swr'
  | 'softTimeout'
  | 'hardTimeout'
  | 'earlyRefresh'
  | 'negativeTtl'
  | 'errorBackoff'
  | 'sliding'
  | 'budget'
  | 'outage'
>;
