import type { CallOptions, GetOrSetOptions, SetOptions } from './call-options.js';
import type { Duration } from './duration.js';

/** What a call to the source is given. */
export interface SourceContext {
  /** Aborts at the hard time-out. Heed it: what is written after it counts as of unknown outcome. */
  readonly signal: AbortSignal;
}

/** The system of record behind a cache, as it is read. Keys are those of the cache or namespace, without its prefix. */
export interface Source<T> {
  /** `undefined`: there is none. */
  load(key: string, context: SourceContext): T | undefined | Promise<T | undefined>;
  /** Many at once: a Map by key, or an array in the order of the keys. Default: `load` for each. */
  loadMany?(keys: readonly string[], context: SourceContext): SourceValues<T> | Promise<SourceValues<T>>;
}

export type SourceValues<T> = ReadonlyMap<string, T> | readonly (T | undefined)[];

/**
 * A source that is written through the cache. A rejection says that nothing was written; a batch that rejects may have been written in part. Each of
 * them may be asked again for the same thing.
 */
export interface WritableSource<T> extends Source<T> {
  save(key: string, value: T, context: SourceContext): unknown;
  /** Many at once. Default: `save` for each. */
  saveMany?(values: ReadonlyMap<string, T>, context: SourceContext): unknown;
  /** Needed for `delete`. */
  remove?(key: string, context: SourceContext): unknown;
}

/** - `none` (default): the cache reads from the source, and the program writes to it. `through`: a write is done when the source has it.
 * - `behind`: a write is done when it is queued, and the source has it later. */
export type WritePolicy = 'none' | 'through' | 'behind';

/** Options of {@link TieredCache.withSource} where the source is only read. */
export interface ReadOptionsOfSource {
  readonly write?: 'none';
}

export interface WriteThroughOptions {
  readonly write: 'through';
}

export interface WriteBehindOptions {
  readonly write: 'behind';
  /** So many keys wait at most; a write of one more rejects with a `QueueFullError`. Default 10,000. */
  readonly maxQueued?: number;
  /** So many keys go to `saveMany` at once, at most. Default 100. */
  readonly batchSize?: number;
  /** How long a write waits for others to go with it, or to take its place. Default 100 ms. */
  readonly delay?: Duration;
  /** The pause after a failure, doubled with each further one of the key up to 30 s, half of it at random. Default 100 ms. */
  readonly backOff?: Duration;
  /** How long `close()` goes on trying to write what is queued. Default 5 s. */
  readonly closeTimeout?: Duration;
}

export type SourceOptions = ReadOptionsOfSource | WriteThroughOptions | WriteBehindOptions;

/** Options of a write to the source. */
export interface SourceWriteOptions extends SetOptions {
  /** How long the source may take. Afterwards the call rejects with a `SourceTimeoutError`. Default: the cache's `hardTimeout` (1 m). */
  readonly hardTimeout?: Duration;
}

/** A cache and the source behind it, read and written as one. What `cache.withSource()` returns. */
export interface SourcedCache<T> {
  /** The cached value, or what the source has, which is kept then; `undefined` if there is none. As `getOrSet` with `load` as its factory. */
  get(key: string, options?: GetOrSetOptions): Promise<T | undefined>;
  /** The same for many; those of which there is none are left out. */
  getMany(keys: Iterable<string> & object, options?: GetOrSetOptions): Promise<Map<string, T>>;
  /**
   * - `through`: rejects with the source's own error if that failed; the cache is as it was then.
   * - `behind`: resolves when the cache has it and it is queued.
   * - `none`: changes the cache only.
   * @throws QueueFullError, SourceTimeoutError, InvalidValueError
   */
  set(key: string, value: T, options?: SourceWriteOptions): Promise<void>;
  /** As `set` for each; with `saveMany` in one call of the source. If that rejects nothing of them stays cached: a part may be written. */
  setMany(entries: Iterable<readonly [key: string, value: T]>, options?: SourceWriteOptions): Promise<void>;
  /**
   * Removes from the source, then from every tier; with `none` from the tiers only.
   * @throws UnsupportedError where the source has no `remove`
   */
  delete(key: string, options?: DeleteFromSourceOptions): Promise<void>;
  deleteMany(keys: Iterable<string> & object, options?: DeleteFromSourceOptions): Promise<void>;
  /** Writes now what is queued, and resolves when the source has it. Rejects with the source's error if a try failed: that stays queued. */
  flush(): Promise<void>;
  /** How many keys the source has not been given yet; 0 unless `behind`. */
  readonly pending: number;
}

export type DeleteFromSourceOptions = CallOptions & Pick<SourceWriteOptions, 'hardTimeout'>;
