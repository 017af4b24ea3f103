import type { Cache, CacheStats, CallOptions, DeleteOptions, Duration, Entry, SetOptions } from '../../src/cache.js';
import { finiteMs, nonNegativeMs, positiveMs } from '../../src/duration.js';
import { cloneValue } from '../../src/entries/clone-value.js';
import { newEntry, staleFrom } from '../../src/entries/entry.js';
import { compileGlob } from '../../src/entries/glob.js';
import { checkKey } from '../../src/entries/keys.js';
import { inspectValue } from '../../src/entries/portable.js';
import { ClosedError, ConfigError, InvalidValueError } from '../../src/errors.js';

/** The contract in its plainest form: a Map of entries, by its name within a backend that is a Map of such Maps. */
export class ReferenceCache implements Cache {
  protected readonly entries: Map<string, Entry>;
  protected readonly counts = { hits: 0, misses: 0, sets: 0, deletes: 0 };
  protected closed = false;

  constructor(
    protected readonly backend: Map<string, Map<string, Entry>>,
    protected readonly name: string,
  ) {
    this.entries = backend.get(name) ?? new Map();
    backend.set(name, this.entries);
  }

  async get<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined> {
    this.check(options, key);
    return this.read(key) as T | undefined;
  }

  async getEntry<T = unknown>(key: string, options?: CallOptions): Promise<Entry<T> | undefined> {
    this.check(options, key);
    const entry = this.present(key);
    return entry && { ...entry, value: cloneValue(entry.value) as T };
  }

  async getMany<T = unknown>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
    const asked = new Set(keys);
    this.check(options, ...asked);
    const found = new Map<string, T>();
    for (const key of asked) {
      const value = this.read(key);
      if (value !== undefined) found.set(key, value as T);
    }
    return found;
  }

  async set<T>(key: string, value: T, options?: SetOptions): Promise<void> {
    this.check(options, key);
    this.store(key, this.entry(value, options));
  }

  async setMany<T>(
    entries: Iterable<readonly [key: string, value: T, options?: SetOptions]>,
    options?: SetOptions,
  ): Promise<void> {
    this.check(options);
    const checked = Array.from(entries, ([key, value, own]): [string, Entry] => {
      this.check(own, key);
      return [key, this.entry(value, { ...options, ...own })];
    });
    for (const [key, entry] of checked) this.store(key, entry);
  }

  async setIfAbsent<T>(key: string, value: T, options?: SetOptions): Promise<boolean> {
    this.check(options, key);
    const entry = this.entry(value, options);
    if (this.fresh(key) !== undefined) return false;
    this.store(key, entry);
    return true;
  }

  async has(key: string, options?: CallOptions): Promise<boolean> {
    this.check(options, key);
    return this.fresh(key) !== undefined;
  }

  async delete(key: string, options?: DeleteOptions): Promise<boolean> {
    this.check(options, key);
    return options?.soft ? this.soften(key) : this.remove(key);
  }

  async deleteMany(keys: Iterable<string>, options?: CallOptions): Promise<number> {
    const all = [...keys];
    this.check(options, ...all);
    return all.filter((key) => this.remove(key)).length;
  }

  async deletePattern(pattern: string, options?: CallOptions): Promise<number> {
    this.check(options);
    const matches = compileGlob(pattern);
    return [...this.entries.keys()].filter((key) => matches(key) && this.remove(key)).length;
  }

  async ttl(key: string, options?: CallOptions): Promise<number | undefined> {
    this.check(options, key);
    const entry = this.fresh(key);
    return entry && entry.freshUntil - Date.now();
  }

  async expire(key: string, ttl: Duration, options?: CallOptions): Promise<boolean> {
    this.check(options, key);
    const freshUntil = Date.now() + positiveMs(ttl, 'ttl');
    const entry = this.fresh(key);
    if (entry === undefined) return false;
    const grace = entry.expiresAt === entry.freshUntil ? 0 : entry.expiresAt - entry.freshUntil;
    this.entries.set(key, { ...entry, freshUntil, expiresAt: freshUntil + grace });
    return true;
  }

  async increment(key: string, by = 1, options?: SetOptions): Promise<number> {
    this.check(options, key);
    if (!Number.isFinite(by)) throw new ConfigError(`increment() adds a finite number, got ${String(by)}.`);
    const initial = this.entry(by, options);
    const present = this.fresh(key);
    if (present === undefined) {
      this.store(key, initial);
      return by;
    }
    const sum = typeof present.value === 'number' ? present.value + by : Number.NaN;
    if (!Number.isFinite(sum)) throw new InvalidValueError('increment() needs a finite number.', { key });
    this.store(key, { ...present, value: sum, stamp: initial.stamp });
    return sum;
  }

  async clear(options?: CallOptions): Promise<void> {
    this.check(options);
    this.entries.clear();
  }

  stats(): CacheStats {
    const tier = { hits: 0, misses: 0 };
    const loads = { coalesced: 0, staleServed: 0, factoryRuns: 0, factoryErrors: 0, refusedFills: 0 };
    const rest = { evictions: 0, unreadable: 0, l2Errors: 0, entries: this.entries.size, bytes: 0 };
    return { ...this.counts, ...loads, ...rest, l1: tier, l2: tier };
  }

  async ping(options?: CallOptions): Promise<number> {
    this.check(options);
    return 0;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  protected check(options: CallOptions | undefined, ...keys: string[]): void {
    if (this.closed) throw new ClosedError('The cache is closed.');
    for (const key of keys) checkKey(key);
    if (options?.budget !== undefined) finiteMs(options.budget, 'budget');
    if (options?.signal === undefined) return;
    if (!(options.signal instanceof AbortSignal)) throw new ConfigError('signal must be an AbortSignal.');
    options.signal.throwIfAborted();
  }

  protected entry(value: unknown, options: SetOptions | undefined): Entry {
    const { ttl = '5m', grace = 0 } = options ?? {};
    inspectValue(value);
    const life = { ttl: positiveMs(ttl, 'ttl'), grace: nonNegativeMs(grace, 'grace') };
    return newEntry(cloneValue(value), life, Date.now());
  }

  protected store(key: string, entry: Entry): void {
    this.entries.set(key, entry);
    this.counts.sets += 1;
  }

  protected remove(key: string): boolean {
    this.counts.deletes += 1;
    return this.present(key) !== undefined && this.entries.delete(key);
  }

  protected soften(key: string): boolean {
    this.counts.deletes += 1;
    const entry = this.present(key);
    if (entry === undefined) return false;
    const stale = staleFrom(entry, Date.now());
    if (stale.expiresAt > stale.freshUntil) this.entries.set(key, stale);
    else this.entries.delete(key);
    return true;
  }

  protected read(key: string): unknown {
    const entry = this.fresh(key);
    if (entry === undefined) this.counts.misses += 1;
    else this.counts.hits += 1;
    return cloneValue(entry?.value);
  }

  protected fresh(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    return entry !== undefined && entry.freshUntil > Date.now() ? entry : undefined;
  }

  protected present(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    return entry !== undefined && entry.expiresAt > Date.now() ? entry : undefined;
  }
}
