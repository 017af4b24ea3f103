import { LRUCache } from 'lru-cache';
import { cloneValue } from '../entries/clone-value.js';
import { inspectValue, isPortable } from '../entries/portable.js';
import type { LocalCopy, LocalStore } from '../store.js';
import { deepFreeze } from './deep-freeze.js';

/** How L1 hands out what it holds. */
export type ValueHandling = 'reference' | 'frozen' | 'cloned';

export interface MemoryStoreOptions {
  readonly maxEntries: number;
  /** Estimated heap bytes. Without it nothing is measured. */
  readonly maxBytes?: number | undefined;
  readonly values: ValueHandling;
  /** An entry left for want of room; not called for what was replaced or deleted. */
  readonly onEvict?: ((key: string) => void) | undefined;
}

/** What an entry costs beside its key and value: its record, its place in the list and in the map. */
const entryOverheadBytes = 200;

/** Entries in this process, least recently used out first. Freshness is the caller's business: no clock is read here. */
export class MemoryStore implements LocalStore {
  readonly #lru: LRUCache<string, LocalCopy>;
  readonly #values: ValueHandling;

  constructor({ maxEntries, maxBytes, values, onEvict }: MemoryStoreOptions) {
    this.#values = values;
    this.#lru = new LRUCache<string, LocalCopy>({
      max: maxEntries,
      ...(maxBytes !== undefined && {
        maxSize: maxBytes,
        sizeCalculation: (entry: LocalCopy, key: string) =>
          inspectValue(entry.value).bytes + 2 * key.length + entryOverheadBytes,
      }),
      ...(onEvict !== undefined && {
        dispose: (_: LocalCopy, key: string, reason: LRUCache.DisposeReason) => {
          if (reason === 'evict') onEvict(key);
        },
      }),
    });
  }

  get(key: string): LocalCopy | undefined {
    const entry = this.#lru.get(key);
    if (entry === undefined || this.#values !== 'cloned') return entry;
    return { ...entry, value: cloneValue(entry.value) };
  }

  put(key: string, entry: LocalCopy): void {
    if (this.#values === 'frozen') deepFreeze(entry.value);
    this.#lru.set(key, this.#values === 'cloned' ? { ...entry, value: cloneValue(entry.value) } : entry);
  }

  get handsOutReferences(): boolean {
    return this.#values === 'reference';
  }

  handOut<T>(value: T): T {
    // What a factory returned to be stored nowhere may be anything: an instance, a cycle.
    if (this.#values === 'reference' || !isPortable(value)) return value;
    if (this.#values === 'cloned') return cloneValue(value);
    deepFreeze(value);
    return value;
  }

  delete(key: string): boolean {
    return this.#lru.delete(key);
  }

  deleteMatching(prefix: string, matches?: (rest: string) => boolean, counts?: (entry: LocalCopy) => boolean): number {
    let deleted = 0;
    for (const key of [...this.#lru.keys()]) {
      if (!key.startsWith(prefix) || (matches !== undefined && !matches(key.slice(prefix.length)))) continue;
      if (counts === undefined || counts(this.#lru.peek(key) as LocalCopy)) deleted += 1;
      this.#lru.delete(key);
    }
    return deleted;
  }

  clear(): void {
    // It takes as long as its capacity, however little is in it.
    if (this.#lru.size > 0) this.#lru.clear();
  }

  keys(): IterableIterator<string> {
    return this.#lru.keys();
  }

  get size(): number {
    return this.#lru.size;
  }

  get bytes(): number {
    return this.#lru.calculatedSize;
  }
}
