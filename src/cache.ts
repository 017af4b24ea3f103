/// <reference lib="esnext.disposable" />

import type { CacheHealth, CacheStats } from './cache-state.js';
import type {
  CallOptions,
  ClearOptions,
  DeleteOptions,
  GetOrSetOptions,
  InvalidateTagsOptions,
  NamespaceOptions,
  ReadOptions,
  SetOptions,
} from './call-options.js';
import type { Duration } from './duration.js';
import type { Entry } from './entries/entry.js';
import type { CacheEventName, CacheListener } from './events.js';
import type { BatchFactory, Factory } from './factory.js';
import type { Locks } from './lock.js';
import type { AnyFunction, Memoized, MemoizeOptions } from './memoized.js';
import type {
  ReadOptionsOfSource,
  Source,
  SourcedCache,
  WritableSource,
  WriteBehindOptions,
  WriteThroughOptions,
} from './sourced-cache.js';
import type { WarmEntries, WarmKeys, WarmOptions, WarmReport } from './warm.js';

export type * from './cache-state.js';
export type * from './call-options.js';
export type { Duration } from './duration.js';
export type { Entry } from './entries/entry.js';
export type * from './factory.js';
export type * from './lock.js';
export type * from './memoized.js';
export type * from './sourced-cache.js';
export type * from './warm.js';

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
   * This cache with the source that it is of, read and written as one: read-through, and write-through or write-behind if asked for. Without it the
   * program reads and writes the source itself (cache-aside), which is the default and often enough.
   * @example
   * const users = cache.namespace('user').withSource<User>({ load: (id) => db.user(id), save: (id, user) => db.save(id, user) }, { write: 'through' });
   * await users.set('42', ada);
   * @throws ConfigError
   */
  withSource<T>(source: WritableSource<T>, options: WriteThroughOptions | WriteBehindOptions): SourcedCache<T>;
  withSource<T>(source: Source<T>, options?: ReadOptionsOfSource): SourcedCache<T>;
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
   * Loads many keys ahead of time, in batches, as {@link TieredCache.getOrSetMany} does: what is fresh is left alone. Or stores entries, as
   * `setMany` does. What fails is in the report and ends nothing; a signal that aborts does, with its own reason. The list may be of any length.
   * @example const report = await cache.warm(ids, (missing) => db.usersById(missing), { concurrency: 8 });
   */
  warm<T>(keys: WarmKeys, factory: BatchFactory<T>, options?: WarmOptions): Promise<WarmReport>;
  warm(entries: WarmEntries, options?: WarmOptions): Promise<WarmReport>;
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
  /**
   * Locks of all processes that share L2, by its connection and behind its circuit breaker; without L2, of this process. Those of a namespace have
   * its prefix before their resources.
   * @example await cache.locks.use(`invoice:${id}`, async (lock) => send(id, lock.signal));
   * @throws UnsupportedError when the last tier is a cache of your own that has none
   */
  readonly locks: Locks;
  /** State of every tier and of the breaker, from memory: no round trip. */
  health(): CacheHealth;
  /** Waits for the first connection and for the bus, at most the connect time-out and `maxStaleness`. Never rejects because of Redis: degraded is ready. */
  ready(): Promise<CacheHealth>;
  on<Name extends CacheEventName>(event: Name, listener: CacheListener<Name>): this;
  off<Name extends CacheEventName>(event: Name, listener: CacheListener<Name>): this;
}
