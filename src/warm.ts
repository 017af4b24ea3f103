import type { GetOrSetOptions, SetOptions } from './call-options.js';

/** Keys, as they come. */
export type WarmKeys = (Iterable<string> & object) | AsyncIterable<string>;

/** Entries, as they come: a Map, or pairs. */
export type WarmEntries =
  | Iterable<readonly [key: string, value: unknown, options?: SetOptions]>
  | AsyncIterable<readonly [key: string, value: unknown, options?: SetOptions]>;

/** Options of {@link TieredCache.warm}; `forceFresh` loads what is fresh too. */
export interface WarmOptions extends GetOrSetOptions {
  /** So many batches are under way at once. Default 4. */
  readonly concurrency?: number;
  /** So many keys are in a batch, and at most so many does one run of the factory get. Default 100. */
  readonly batchSize?: number;
  /** Called after each batch, and once more at the end, however that comes. An error that it throws ends the warm-up. */
  readonly onProgress?: (progress: WarmProgress) => void;
}

export interface WarmProgress {
  readonly done: number;
  /** Known when the keys or entries are in an array, a Set or a Map. */
  readonly total: number | undefined;
  /** It is not called again. */
  readonly over: boolean;
}

/** What became of the keys: each is loaded, fresh, missing or failed. */
export interface WarmReport {
  readonly total: number;
  /** Made by the factory, or given, and stored unless something newer was set meanwhile. */
  readonly loaded: number;
  /** Cached already, loaded by somebody else meanwhile, or given twice in one batch. */
  readonly fresh: number;
  /** The factory has none. */
  readonly missing: number;
  /** The first 1,000 of them; `total` less the others is how many there are. */
  readonly failed: readonly WarmFailure[];
  readonly ms: number;
}

export interface WarmFailure {
  readonly key: string;
  readonly error: unknown;
}
