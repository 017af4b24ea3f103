/// <reference lib="esnext.disposable" />

import type { BatchFactory } from './batch-factory.js';
import type { CacheHealth, CacheStats } from './cache-state.js';
import type { Duration } from './duration.js';
import type { Entry } from './entries/entry.js';
import type { CacheEventName, CacheListener } from './events.js';
import type { AnyFunction, Memoized, MemoizeOptions } from './memoized.js';

export type * from './cache-state.js';
export type { Duration } from './duration.js';
export type { Entry } from './entries/entry.js';
export type * from './memoized.js';

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

/** What a factory is given. */
export interface FactoryContext {
  readonly key: string;
  /** Aborts at the hard time-out and when the cache is closed. */
  readonly signal: AbortSignal;
  /** The entry that this run is to replace, if there is one: stale, or fresh under `forceFresh`. */
  readonly stale: Entry | undefined;
  /**
   * Changes the life of the value being made, or adds tags, once they are known. If it cannot be told whether a tag named here was
   * invalidated while the factory ran, because this process did not know it, the value is handed to the callers and not stored.
   */
  setOptions(options: FactorySetOptions): void;
  /** Hands the value to the callers but stores it nowhere: `return skip(value)`. */
  skip<T>(value: T): T;
  /**
   * The value of `stale` is still right and gets a new life: `return notModified()`, as after an HTTP 304.
   * @throws FactoryFailedError when there is none
   */
  notModified(): never;
  /**
   * Gives up as if the factory had thrown: a stale value stands in if there is one, else callers get this error.
   * @throws FactoryFailedError
   */
  fail(reason: string): never;
}

/** Produces a value. `undefined` is "there is none" and is not stored. */
export type Factory<T> = (context: FactoryContext) => T | Promise<T>;

/**
 * The contract that every backend and every composition keeps; `tierkeep/testing` has the suite that checks it.
 *
 * - A miss is `undefined`; `null`, `0`, `false` and `''` are values.
 * - A value reads the same from every tier, or is refused with an `InvalidValueError` when it is written.
 * - Keys are non-empty strings of at most 512 bytes of UTF-8; anything else is an `InvalidKeyError`.
 * - Reads and plain writes survive an L2 that is away. Atomic ones (`setIfAbsent`, `increment`) reject with `CircuitOpenError`,
 *   `ConnectionError` or `DeadlineError` instead: they never pretend.
 * - After `close()` every call rejects with `ClosedError`.
 */
export interface Cache extends AsyncDisposable {
  /**
   * The fresh value under `key`, or `undefined`.
   * @example const user = await cache.get<User>('user:42');
   */
  get<T = unknown>(key: string, options?: ReadOptions): Promise<T | undefined>;
  /** The value with its metadata, stale entries within their grace included (`freshUntil` is past then). */
  getEntry<T = unknown>(key: string, options?: CallOptions): Promise<Entry<T> | undefined>;
  /** The fresh values among `keys`, in the order asked, misses left out. One round trip for what L1 lacks. */
  getMany<T = unknown>(keys: Iterable<string> & object, options?: ReadOptions): Promise<Map<string, T>>;
  /**
   * Stores a value in every tier and overtakes every load that is running: what it read is not stored any more.
   * @throws InvalidValueError for `undefined`, functions, symbols, class instances and cycles
   */
  set<T>(key: string, value: T, options?: SetOptions): Promise<void>;
  /**
   * Stores many values in one round trip per node. Takes the Map that `getMany` returns.
   * Everything is checked before anything is written.
   */
  setMany(entries: Iterable<readonly [key: string, value: unknown, options?: SetOptions]>, options?: SetOptions): Promise<void>;
  /** Stores the value unless a fresh one is there; says whether it did. Atomic over all processes that share L2. */
  setIfAbsent<T>(key: string, value: T, options?: SetOptions): Promise<boolean>;
  /** Whether a fresh value is cached. */
  has(key: string, options?: CallOptions): Promise<boolean>;
  /**
   * Removes the entry from every tier, stale copies included; says whether there was one (in Redis, one that a tag or `clear` had
   * invalidated may be counted). A load that is running stores nothing.
   */
  delete(key: string, options?: DeleteOptions): Promise<boolean>;
  /** Removes many; says how many were there. */
  deleteMany(keys: Iterable<string> & object, options?: CallOptions): Promise<number>;
  /**
   * Removes every key that matches a glob (`*`, `?`, `[a-z]`, `[^x]`, `\` escapes, as in Redis); says how many were there.
   * Scans in batches, never blocks the server with KEYS, and is bounded by `budget` for each batch, not as a whole.
   * @example await cache.deletePattern('user:42:*');
   */
  deletePattern(pattern: string, options?: CallOptions): Promise<number>;
  /** Milliseconds until the value stops being fresh, `Infinity` if never, `undefined` if there is none. */
  ttl(key: string, options?: CallOptions): Promise<number | undefined>;
  /** Gives a fresh entry a new life from now on, its grace kept; false if there is none. */
  expire(key: string, ttl: Duration, options?: CallOptions): Promise<boolean>;
  /**
   * Adds to a number, atomically over all processes that share L2; an absent key counts from 0 and gets `ttl`, a present one keeps
   * its life.
   * @throws InvalidValueError when the value is no number
   */
  increment(key: string, by?: number, options?: SetOptions): Promise<number>;
  /**
   * Invalidates everything in this cache or namespace, its own namespaces included, and nothing else. One step however much there is, where
   * the last tier keeps versions (Redis does, Cluster too).
   */
  clear(options?: ClearOptions): Promise<void>;
  /** Counters since the cache was built. Plain integers, no round trip. */
  stats(): CacheStats;
  /** Milliseconds of one round trip to the last tier. Rejects when it is away. */
  ping(options?: CallOptions): Promise<number>;
  /** Lets writes that are under way finish, then frees every connection and timer. Safe to call twice. */
  close(): Promise<void>;
}

/** What the builder returns: one or two tiers, with stampede protection and degradation. */
export interface TieredCache extends Cache {
  /**
   * The fresh value in L1, synchronously, without asking L2; `undefined` for anything else, a bad key or a closed cache included.
   * Counts as use for eviction.
   */
  peek<T = unknown>(key: string): T | undefined;
  /**
   * The cached value, or what the factory makes of it, stored in every tier. However many callers and processes ask for a cold
   * key, one factory runs (leases after Facebook's memcache paper, NSDI '13). A factory's own error reaches every waiting caller
   * untouched, unless a stale value may stand in.
   * @example
   * const user = await cache.getOrSet(`user:${id}`, ({ signal }) => db.user(id, signal), { ttl: '10m' });
   */
  getOrSet<T>(key: string, factory: Factory<T>, options?: GetOrSetOptions): Promise<T>;
  /**
   * The function with its results kept by `getOrSet`, in the namespace `name`, under a key made of its arguments. The name must be stable and
   * mean one function: whoever memoizes under it shares the results, in all processes.
   * @example
   * const user = cache.memoize('user', (id: number) => db.user(id), { ttl: '10m' });
   * await user(42); await user.invalidate(42);
   * @throws ConfigError as {@link TieredCache.namespace} does
   */
  memoize<F extends AnyFunction>(name: string, fn: F, options?: MemoizeOptions<F>): Memoized<F>;
  /**
   * The cached values of many keys, in the order asked, and what one run of the factory makes of those that are missing, stored in every tier. Keys
   * that other calls load already are waited for. A key of which there is none is left out. Rejects with the factory's own error if it failed
   * and there is a key that nothing stale could stand in for; what else was made is stored all the same.
   * @example
   * const users = await cache.getOrSetMany(['u1', 'u2'], async (missing) => db.usersById(missing), { ttl: '10m' });
   * @throws InvalidValueError when the factory returns a key that it was not asked for, or no Map and no array of one value per key
   */
  getOrSetMany<T>(
    keys: Iterable<string> & object,
    factory: BatchFactory<T>,
    options?: GetOrSetOptions,
  ): Promise<Map<string, T>>;
  /**
   * Invalidates every entry that carries one of the tags, in every tier and process, in one step however many there are: an entry counts
   * only while its tags have the versions they had before it was made (after Facebook's and Drupal's cache tags, without clocks).
   * @example await cache.invalidateTags([`org:${id}`]);
   * @throws InvalidKeyError for an empty tag or one of more than 512 bytes
   * @throws UnsupportedError when the last tier cannot keep versions
   */
  invalidateTags(tags: Iterable<string> & object, options?: InvalidateTagsOptions): Promise<void>;
  /**
   * A view whose keys begin with `name:`. It shares tiers, flights and breaker with this cache: two handles to one name are one
   * namespace. This cache sees what is in it, under the whole key, and may delete or change it; but what is set here under such a key is
   * no part of the namespace, which does not see it and replaces it.
   * @throws ConfigError when the name was taken with other options, or holds `:`, `{`, `}` or a glob character
   */
  namespace(name: string, options?: NamespaceOptions): TieredCache;
  /** State of every tier and of the breaker, from memory: no round trip. */
  health(): CacheHealth;
  /** Waits for the first connection and for the bus, at most the connect time-out and `maxStaleness`. Never rejects because of Redis: degraded is ready. */
  ready(): Promise<CacheHealth>;
  on<Name extends CacheEventName>(event: Name, listener: CacheListener<Name>): this;
  off<Name extends CacheEventName>(event: Name, listener: CacheListener<Name>): this;
}

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
