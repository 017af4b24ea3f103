import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions, Duration, Entry, SetOptions } from '../../src/cache.js';
import { ReferenceCache } from './reference-cache.js';

/** A reference cache with one mistake, and a case that must notice it. */
export interface Mutant {
  readonly mistake: string;
  readonly noticedBy: string;
  readonly Cache: typeof ReferenceCache;
}

type Pairs<T> = Iterable<readonly [key: string, value: T, options?: SetOptions]>;

function mutant(mistake: string, noticedBy: string, Cache: typeof ReferenceCache): Mutant {
  return { mistake, noticedBy, Cache };
}

const forEver = { freshUntil: Number.POSITIVE_INFINITY, expiresAt: Number.POSITIVE_INFINITY };

/** Mistakes that real caches have made. */
export const mutants: readonly Mutant[] = [
  mutant(
    'a falsy value is a miss',
    'a value comes back as it was: 0',
    class extends ReferenceCache {
      protected override read(key: string): unknown {
        return super.read(key) || undefined;
      }
    },
  ),
  mutant(
    'null is a miss',
    'a value comes back as it was: null',
    class extends ReferenceCache {
      protected override read(key: string): unknown {
        return super.read(key) ?? undefined;
      }
    },
  ),
  mutant(
    'falsy values can be set again',
    'setIfAbsent counts falsy values as values',
    class extends ReferenceCache {
      override async setIfAbsent<T>(key: string, value: T, options?: SetOptions): Promise<boolean> {
        if (!this.fresh(key)?.value) await this.delete(key);
        return super.setIfAbsent(key, value, options);
      }
    },
  ),
  mutant(
    'getMany answers in its own order',
    'getMany keeps the order asked and leaves misses out',
    class extends ReferenceCache {
      override async getMany<T>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
        return super.getMany([...keys].sort(), options);
      }
    },
  ),
  mutant(
    'getMany walks its keys twice',
    'getMany takes any iterable',
    class extends ReferenceCache {
      override async getMany<T>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
        for (const _ of keys);
        return super.getMany(keys, options);
      }
    },
  ),
  mutant(
    'setMany stores until something is wrong',
    'setMany refuses what is no key, and does nothing',
    class extends ReferenceCache {
      override async setMany<T>(entries: Pairs<T>, options?: SetOptions): Promise<void> {
        for (const entry of entries) await super.setMany([entry], options);
      }
    },
  ),
  mutant(
    'setMany forgets the options of one entry',
    'setMany takes options for all and for each',
    class extends ReferenceCache {
      override async setMany<T>(entries: Pairs<T>, options?: SetOptions): Promise<void> {
        await super.setMany(
          Array.from(entries, ([key, value]): [string, T] => [key, value]),
          options,
        );
      }
    },
  ),
  mutant(
    'values go through JSON',
    'a value comes back as it was: a Date',
    class extends ReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        const entry = super.entry(value, options);
        return {
          ...entry,
          value: JSON.parse(JSON.stringify(entry.value, (_, inner) => (typeof inner === 'bigint' ? 0 : inner))),
        };
      }
    },
  ),
  mutant(
    'a Buffer becomes a Uint8Array',
    'a value comes back as it was: a Buffer',
    class extends ReferenceCache {
      protected override read(key: string): unknown {
        return structuredClone(super.read(key));
      }
    },
  ),
  mutant(
    'numbers lose their last digits',
    'increment adds fractions and large numbers as JavaScript does',
    class extends ReferenceCache {
      override async increment(key: string, by?: number, options?: SetOptions): Promise<number> {
        const sum = Number((await super.increment(key, by, options)).toPrecision(14));
        this.entries.set(key, { ...(this.entries.get(key) as Entry), value: sum });
        return sum;
      }
    },
  ),
  mutant(
    'a key is trimmed',
    'an unusual key is a key like any other',
    class extends ReferenceCache {
      protected override fresh(key: string): Entry | undefined {
        return super.fresh(key.trim());
      }
      protected override store(key: string, entry: Entry): void {
        super.store(key.trim(), entry);
      }
    },
  ),
  mutant(
    'a braced key meets the bare one',
    'an unusual key is a key like any other',
    class extends ReferenceCache {
      protected override fresh(key: string): Entry | undefined {
        return super.fresh(key.replace(/^\{(.*)\}$/, '$1'));
      }
      protected override store(key: string, entry: Entry): void {
        super.store(key.replace(/^\{(.*)\}$/, '$1'), entry);
      }
    },
  ),
  mutant(
    'an empty key is a key',
    'has refuses what is no key, and does nothing',
    class extends ReferenceCache {
      protected override check(options: CallOptions | undefined, ...keys: string[]): void {
        super.check(options, ...keys.filter((key) => key !== ''));
      }
    },
  ),
  mutant(
    'nothing expires',
    'a value is gone when its TTL is over, for every call',
    class extends ReferenceCache {
      protected override store(key: string, entry: Entry): void {
        super.store(key, { ...entry, ...forEver });
      }
    },
  ),
  mutant(
    'nothing lives longer than 20 ms',
    'ttl grows less as time passes',
    class extends ReferenceCache {
      protected override fresh(key: string): Entry | undefined {
        const entry = super.fresh(key);
        return entry !== undefined && entry.createdAt + 20 > Date.now() ? entry : undefined;
      }
    },
  ),
  mutant(
    'more than 24.8 days overflow',
    'a TTL of Infinity and one of over 24.8 days hold',
    class extends ReferenceCache {
      protected override store(key: string, entry: Entry): void {
        super.store(key, entry);
        if (entry.expiresAt - Date.now() > 2 ** 31) setTimeout(() => this.entries.delete(key), 1);
      }
    },
  ),
  mutant(
    'the grace is forgotten',
    'an entry in its grace is no value, yet an entry',
    class extends ReferenceCache {
      protected override store(key: string, entry: Entry): void {
        super.store(key, { ...entry, expiresAt: entry.freshUntil });
      }
    },
  ),
  mutant(
    'get serves what is stale',
    'an entry in its grace is no value, yet an entry',
    class extends ReferenceCache {
      protected override fresh(key: string): Entry | undefined {
        return this.present(key);
      }
    },
  ),
  mutant(
    'a later write inherits the life',
    'a later write has a life of its own',
    class extends ReferenceCache {
      protected override store(key: string, entry: Entry): void {
        const { freshUntil, expiresAt } = this.fresh(key) ?? entry;
        super.store(key, { ...entry, freshUntil, expiresAt });
      }
    },
  ),
  mutant(
    'ttl is the whole TTL',
    'ttl grows less as time passes',
    class extends ReferenceCache {
      override async ttl(key: string, options?: CallOptions): Promise<number | undefined> {
        await super.ttl(key, options);
        const entry = this.fresh(key);
        return entry && entry.freshUntil - entry.createdAt;
      }
    },
  ),
  mutant(
    'ttl is in seconds',
    'ttl is what is left, undefined without a value',
    class extends ReferenceCache {
      override async ttl(key: string, options?: CallOptions): Promise<number | undefined> {
        const ms = await super.ttl(key, options);
        return ms && ms / 1_000;
      }
    },
  ),
  mutant(
    'expire makes what is not there',
    'expire gives a longer life, a shorter one, and one for ever',
    class extends ReferenceCache {
      override async expire(key: string, ttl: Duration, options?: CallOptions): Promise<boolean> {
        await super.expire(key, ttl, options);
        return true;
      }
    },
  ),
  mutant(
    'expire ends the grace',
    'expire keeps value and grace',
    class extends ReferenceCache {
      override async expire(key: string, ttl: Duration, options?: CallOptions): Promise<boolean> {
        const done = await super.expire(key, ttl, options);
        const entry = this.entries.get(key);
        if (entry) this.entries.set(key, { ...entry, expiresAt: entry.freshUntil });
        return done;
      }
    },
  ),
  mutant(
    'a TTL of 0 means for ever',
    'set refuses what is no duration, and does nothing',
    class extends ReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        return super.entry(value, options?.ttl === 0 ? { ...options, ttl: Number.POSITIVE_INFINITY } : options);
      }
    },
  ),
  mutant(
    'setIfAbsent looks, waits, then writes',
    'setIfAbsent by twenty at once has one winner',
    class extends ReferenceCache {
      override async setIfAbsent<T>(key: string, value: T, options?: SetOptions): Promise<boolean> {
        this.check(options, key);
        if (this.fresh(key) !== undefined) return false;
        await sleep(1);
        await this.set(key, value, options);
        return true;
      }
    },
  ),
  mutant(
    'setIfAbsent counts what is stale',
    'setIfAbsent stores over a value whose TTL is over, in its grace too',
    class extends ReferenceCache {
      override async setIfAbsent<T>(key: string, value: T, options?: SetOptions): Promise<boolean> {
        return this.present(key) === undefined && super.setIfAbsent(key, value, options);
      }
    },
  ),
  mutant(
    'increment reads, waits, then writes',
    'increment by a hundred at once loses none',
    class extends ReferenceCache {
      override async increment(key: string, by = 1, options?: SetOptions): Promise<number> {
        const present = this.fresh(key);
        if (typeof present?.value !== 'number') return super.increment(key, by, options);
        await sleep(1);
        this.store(key, { ...present, value: present.value + by });
        return present.value + by;
      }
    },
  ),
  mutant(
    'increment gives a new life',
    'increment gives an absent key its TTL and keeps the life of a present one',
    class extends ReferenceCache {
      override async increment(key: string, by?: number, options?: SetOptions): Promise<number> {
        const sum = await super.increment(key, by, options);
        await this.set(key, sum, options);
        return sum;
      }
    },
  ),
  mutant(
    'increment takes digits for a number',
    'increment refuses what is no number, and leaves it',
    class extends ReferenceCache {
      override async increment(key: string, by?: number, options?: SetOptions): Promise<number> {
        const present = this.fresh(key);
        if (present?.value === '7') this.entries.set(key, { ...present, value: 7 });
        return super.increment(key, by, options);
      }
    },
  ),
  mutant(
    'a stamp is used twice',
    'getEntry has another stamp for every write',
    class extends ReferenceCache {
      protected override store(key: string, entry: Entry): void {
        super.store(key, { ...entry, stamp: key });
      }
    },
  ),
  mutant(
    'a pattern is a regular expression',
    'deletePattern: what is special elsewhere is literal',
    class extends ReferenceCache {
      override async deletePattern(pattern: string): Promise<number> {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'su');
        return super.deleteMany([...this.entries.keys()].filter((key) => expression.test(key)));
      }
    },
  ),
  mutant(
    'a pattern knows only *',
    'deletePattern: ? takes one character',
    class extends ReferenceCache {
      override async deletePattern(pattern: string): Promise<number> {
        return super.deletePattern(pattern.replace(/[?[\]\\^]/g, '\\$&'));
      }
    },
  ),
  mutant(
    'deletePattern counts what it looked at',
    'deletePattern counts a key once and finds it once',
    class extends ReferenceCache {
      override async deletePattern(pattern: string, options?: CallOptions): Promise<number> {
        const size = this.entries.size;
        await super.deletePattern(pattern, options);
        return size;
      }
    },
  ),
  mutant(
    'deletePattern counts what has expired',
    'a value is gone when its TTL is over, for every call',
    class extends ReferenceCache {
      override async deletePattern(pattern: string, options?: CallOptions): Promise<number> {
        const size = this.entries.size;
        await super.deletePattern(pattern, options);
        for (const [key, entry] of this.entries) if (entry.expiresAt <= Date.now()) this.entries.delete(key);
        return size - this.entries.size;
      }
    },
  ),
  mutant(
    'a call does not look at its budget',
    'every call takes a budget, and refuses what is none',
    class extends ReferenceCache {
      override async clear(): Promise<void> {
        await super.clear();
      }
    },
  ),
  mutant(
    'delete is always true',
    'delete removes a value and says whether there was one',
    class extends ReferenceCache {
      protected override remove(key: string): boolean {
        super.remove(key);
        return true;
      }
    },
  ),
  mutant(
    'delete keeps the stale copy',
    'an entry in its grace is no value, yet an entry',
    class extends ReferenceCache {
      protected override remove(key: string): boolean {
        return this.fresh(key) !== undefined && super.remove(key);
      }
    },
  ),
  mutant(
    'clear does nothing',
    'clear removes everything',
    class extends ReferenceCache {
      override async clear(options?: CallOptions): Promise<void> {
        this.check(options);
      }
    },
  ),
  mutant(
    'clear goes by the beginning of the name',
    'clear and deletePattern leave caches alone whose name only begins alike',
    class extends ReferenceCache {
      override async clear(options?: CallOptions): Promise<void> {
        await super.clear(options);
        for (const [name, entries] of this.backend) if (name.startsWith(this.name)) entries.clear();
      }
    },
  ),
  mutant(
    'values are not looked over',
    'a value is refused and the old one stays: an instance of a class',
    class extends ReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        return { ...super.entry(null, options), value };
      }
    },
  ),
  mutant(
    'a value that is refused removes the old one',
    'a value is refused and the old one stays: a function',
    class extends ReferenceCache {
      override async set<T>(key: string, value: T, options?: SetOptions): Promise<void> {
        this.check(options, key);
        this.entries.delete(key);
        await super.set(key, value, options);
      }
    },
  ),
  mutant(
    'a closed cache goes on reading',
    'a closed cache refuses every call',
    class extends ReferenceCache {
      override async has(key: string): Promise<boolean> {
        return this.fresh(key) !== undefined;
      }
    },
  ),
  mutant(
    'a closed cache throws where it should reject',
    'a closed cache refuses every call',
    class extends ReferenceCache {
      override has(key: string, options?: CallOptions): Promise<boolean> {
        this.check(options, key);
        return super.has(key, options);
      }
    },
  ),
  mutant(
    'close fails when called again',
    'close can be called twice, at once or later',
    class extends ReferenceCache {
      override async close(): Promise<void> {
        if (this.closed) throw new Error('closed already');
        await super.close();
      }
    },
  ),
  mutant(
    'disposing does not close',
    'await using closes the cache',
    class extends ReferenceCache {
      override async [Symbol.asyncDispose](): Promise<void> {}
    },
  ),
  mutant(
    'a batch counts as one',
    'stats count hits, misses, sets and deletes',
    class extends ReferenceCache {
      override async getMany<T>(keys: Iterable<string>, options?: CallOptions): Promise<Map<string, T>> {
        const { hits } = this.counts;
        const found = await super.getMany<T>(keys, options);
        if (this.counts.hits > hits) this.counts.hits = hits + 1;
        return found;
      }
    },
  ),
  mutant(
    'what is cached is given to those who are gone too',
    'a signal that is aborted already ends every call with its reason, and nothing is touched',
    class extends ReferenceCache {
      override async get<T>(key: string, options?: CallOptions): Promise<T | undefined> {
        return (this.fresh(key)?.value as T | undefined) ?? super.get(key, options);
      }
    },
  ),
  mutant(
    'a write is done although its caller was gone before',
    'a signal that is aborted already ends every call with its reason, and nothing is touched',
    class extends ReferenceCache {
      override async set<T>(key: string, value: T, options: SetOptions = {}): Promise<void> {
        await super.set(key, value, { ...options, signal: undefined as never });
        options.signal?.throwIfAborted();
      }
    },
  ),
  mutant(
    'an aborted signal is told by an error of our own',
    'a signal that is aborted already ends every call with its reason, and nothing is touched',
    class extends ReferenceCache {
      protected override check(options: CallOptions | undefined, ...keys: string[]): void {
        if (options?.signal?.aborted) throw new Error('The call was aborted.');
        super.check(options, ...keys);
      }
    },
  ),
  mutant(
    'listeners pile up on a signal',
    'under a signal that does not abort every call does what it always does, and leaves no listener',
    class extends ReferenceCache {
      override async ttl(key: string, options?: CallOptions): Promise<number | undefined> {
        const ttl = await super.ttl(key, options);
        options?.signal?.addEventListener('abort', () => undefined);
        return ttl;
      }
    },
  ),
  mutant(
    'an abort is an error of our own',
    'a signal that aborts while a call is under way ends it with its reason, unless it was done',
    class extends ReferenceCache {
      override async ping(options?: CallOptions): Promise<number> {
        const ms = await super.ping(options);
        await Promise.resolve();
        if (options?.signal?.aborted) throw new Error('aborted');
        return ms;
      }
    },
  ),
  mutant(
    'whatever is given as a signal is taken',
    'a signal that is none is refused, and nothing is touched',
    class extends ReferenceCache {
      override async has(key: string, options?: CallOptions): Promise<boolean> {
        if (options?.signal !== undefined && !(options.signal instanceof AbortSignal)) return super.has(key);
        return super.has(key, options);
      }
    },
  ),
];
