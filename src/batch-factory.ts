import type { FactorySetOptions } from './cache.js';
import type { Entry } from './entries/entry.js';

/** What the factory of {@link TieredCache.getOrSetMany} is given. */
export interface BatchFactoryContext {
  /** Aborts at the hard time-out and when the cache is closed. */
  readonly signal: AbortSignal;
  /** The entries that this run is to replace, by key, where there are any. */
  readonly stale: ReadonlyMap<string, Entry>;
  /** Changes the life of the value of one key, or adds tags; see `setOptions` of {@link FactoryContext}. */
  setOptions(key: string, options: FactorySetOptions): void;
  /** The value of that key is handed to the callers but stored nowhere. */
  skip(key: string): void;
}

/**
 * Produces the values of the keys that are missing: a Map, or an array in their order. What a Map has not, or is `undefined`, there is none of, and
 * is not stored.
 */
export type BatchFactory<T> = (
  keys: readonly string[],
  context: BatchFactoryContext,
) => BatchValues<T> | Promise<BatchValues<T>>;

export type BatchValues<T> = ReadonlyMap<string, T> | readonly (T | undefined)[];
