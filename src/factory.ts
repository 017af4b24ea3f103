import type { FactorySetOptions } from './call-options.js';
import type { Entry } from './entries/entry.js';

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
