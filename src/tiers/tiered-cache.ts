import type {
  CacheHealth,
  CacheStats,
  CallOptions,
  ClearOptions,
  DeleteOptions,
  Factory,
  GetOrSetOptions,
  InvalidateTagsOptions,
  NamespaceOptions,
  SetOptions,
  TieredCache,
} from '../cache.js';
import { type Duration, positiveMs } from '../duration.js';
import type { Entry } from '../entries/entry.js';
import { isFresh } from '../entries/freshness.js';
import { checkKey } from '../entries/keys.js';
import type { Space } from '../entries/labels.js';
import { ConfigError } from '../errors.js';
import type { CacheEventName, CacheListener } from '../events.js';
import type { AnyFunction, Memoized, MemoizeOptions } from '../memoized.js';
import * as atomic from './atomic-writes.js';
import { type Defaults, entriesIn, hardTimeoutIn, keysIn, lifeIn, signalIn, type Terms, termsIn } from './call-options.js';
import { assertOpen, type Core, closeCore, entryOf, pingL2, readyCore } from './core.js';
import { countBeyondL1, countDelete, countDeletePattern, countL1Hit, countSet } from './counting.js';
import { type Draft, draftOf, tagsOf } from './draft.js';
import { getMany } from './get-many.js';
import { getOrSet } from './get-or-set.js';
import { healthOf } from './health.js';
import { clear, invalidateTags } from './invalidations.js';
import { memoize } from './memoize.js';
import { freshInL1, readBeyondL1 } from './reads.js';
import { statsOf } from './stats.js';
import { listedTags } from './tags-in.js';
import * as writes from './writes.js';

/**
 * One view of a cache: a prefix and defaults over a core that all views share. It checks what the caller gave, keeps count, and
 * leaves the work to the functions beside it.
 */
export class TieredCacheView implements TieredCache {
  readonly #core: Core;
  readonly #prefix: string;
  #space: Space;
  readonly #defaults: Defaults;

  constructor(core: Core, space: Space, defaults: Defaults) {
    this.#core = core;
    this.#prefix = space.prefix;
    this.#space = space;
    this.#defaults = defaults;
  }

  get<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined> {
    const entry = this.#inL1(key, options);
    if (entry === undefined) return this.#getBeyondL1(key, options) as Promise<T | undefined>;
    return Promise.resolve(entry.value as T);
  }

  peek<T = unknown>(key: string): T | undefined {
    return this.#inL1(key)?.value as T | undefined;
  }

  getOrSet<T>(key: string, factory: Factory<T>, options?: GetOrSetOptions): Promise<T> {
    if (options?.forceFresh !== true) {
      const entry = this.#inL1(key, options);
      if (entry !== undefined) return Promise.resolve(entry.value as T);
    }
    return this.#load(key, factory, options) as Promise<T>;
  }

  memoize<F extends AnyFunction>(name: string, fn: F, options?: MemoizeOptions<F>): Memoized<F> {
    return memoize(this, name, fn, options);
  }

  async getEntry<T = unknown>(key: string, options?: CallOptions): Promise<Entry<T> | undefined> {
    const entry = await this.#entry(key, options);
    return entry && (entryOf(entry) as Entry<T>);
  }

  async getMany<T = unknown>(keys: Iterable<string> & object, options?: CallOptions): Promise<Map<string, T>> {
    const core = this.#core;
    assertOpen(core);
    const terms = this.#terms(options);
    const asked = keysIn('getMany', keys);
    const fullKeys = asked.map((key) => this.#fullKey(key));
    return getMany(core, this.#here(), asked, fullKeys, terms) as Promise<Map<string, T>>;
  }

  async set<T>(key: string, value: T, options?: SetOptions): Promise<void> {
    const core = this.#core;
    assertOpen(core);
    const fullKey = this.#fullKey(key);
    await writes.write(core, this.#here(), fullKey, this.#draft(value, options), this.#terms(options));
    countSet(core, fullKey);
  }

  async setMany(
    entries: Iterable<readonly [key: string, value: unknown, options?: SetOptions]>,
    options?: SetOptions,
  ): Promise<void> {
    const core = this.#core;
    assertOpen(core);
    const terms = this.#terms(options);
    const defaults = { ...lifeIn(options, this.#defaults), tags: tagsOf(core, options) };
    const checked = new Map<string, Draft>();
    for (const [key, value, own] of entriesIn('setMany', entries)) {
      checked.set(this.#fullKey(key), draftOf(core, value, own, defaults));
    }
    if (checked.size === 0) return;
    await writes.writeMany(core, this.#here(), checked, terms);
    for (const key of checked.keys()) countSet(core, key);
  }

  async setIfAbsent<T>(key: string, value: T, options?: SetOptions): Promise<boolean> {
    const core = this.#core;
    assertOpen(core);
    const fullKey = this.#fullKey(key);
    const draft = this.#draft(value, options);
    const stored = await atomic.writeIfAbsent(core, this.#here(), fullKey, draft, this.#terms(options));
    if (stored) countSet(core, fullKey);
    return stored;
  }

  async has(key: string, options?: CallOptions): Promise<boolean> {
    return isFresh(await this.#entry(key, options), this.#core.clock.now());
  }

  async ttl(key: string, options?: CallOptions): Promise<number | undefined> {
    const entry = await this.#entry(key, options);
    const now = this.#core.clock.now();
    return isFresh(entry, now) ? entry.freshUntil - now : undefined;
  }

  async delete(key: string, options?: DeleteOptions): Promise<boolean> {
    const core = this.#core;
    assertOpen(core);
    const fullKey = this.#fullKey(key);
    const terms = this.#terms(options);
    const removed = options?.soft
      ? await writes.soften(core, this.#here(), fullKey, terms)
      : await writes.remove(core, fullKey, terms);
    countDelete(core, fullKey);
    return removed;
  }

  async deleteMany(keys: Iterable<string> & object, options?: CallOptions): Promise<number> {
    const core = this.#core;
    assertOpen(core);
    const terms = this.#terms(options);
    const fullKeys = keysIn('deleteMany', keys).map((key) => this.#fullKey(key));
    if (fullKeys.length === 0) return 0;
    const removed = await writes.removeMany(core, fullKeys, terms);
    for (const key of fullKeys) countDelete(core, key);
    return removed;
  }

  async deletePattern(pattern: string, options?: CallOptions): Promise<number> {
    const core = this.#core;
    assertOpen(core);
    checkKey(pattern);
    const removed = await writes.removeMatching(core, this.#prefix, pattern, this.#terms(options));
    countDeletePattern(core, this.#prefix, pattern, removed);
    return removed;
  }

  async expire(key: string, ttl: Duration, options?: CallOptions): Promise<boolean> {
    assertOpen(this.#core);
    const fullKey = this.#fullKey(key);
    const terms = this.#terms(options);
    const expires = await atomic.expire(this.#core, this.#here(), fullKey, positiveMs(ttl, 'ttl'), terms);
    if (expires) countSet(this.#core, fullKey);
    return expires;
  }

  async increment(key: string, by = 1, options?: SetOptions): Promise<number> {
    assertOpen(this.#core);
    if (!Number.isFinite(by)) throw new ConfigError(`increment() adds a finite number, got ${String(by)}.`);
    const fullKey = this.#fullKey(key);
    const draft = this.#draft(by, options);
    const sum = await atomic.increment(this.#core, this.#here(), fullKey, by, draft, this.#terms(options));
    countSet(this.#core, fullKey);
    return sum;
  }

  async clear(options?: ClearOptions): Promise<void> {
    assertOpen(this.#core);
    await clear(this.#core, this.#here(), options?.physical === true, this.#terms(options));
  }

  async invalidateTags(tags: Iterable<string> & object, options?: InvalidateTagsOptions): Promise<void> {
    assertOpen(this.#core);
    await invalidateTags(this.#core, listedTags(tags), options?.soft === true, this.#terms(options));
  }

  namespace(name: string, options: NamespaceOptions = {}): TieredCache {
    const core = this.#core;
    assertOpen(core);
    return core.namespaces.get(this.#prefix, name, options, (prefix) => {
      const life = { ttl: options.ttl ?? this.#defaults.ttl, grace: options.grace ?? this.#defaults.grace };
      const outage = options.outage ?? this.#defaults.outage;
      return new TieredCacheView(core, core.labels.space(prefix), {
        ...this.#defaults,
        ...lifeIn(life, this.#defaults),
        outage,
      });
    });
  }

  stats(): CacheStats {
    return statsOf(this.#core);
  }

  health(): CacheHealth {
    return healthOf(this.#core);
  }

  async ready(): Promise<CacheHealth> {
    assertOpen(this.#core);
    await readyCore(this.#core);
    return this.health();
  }

  async ping(options?: CallOptions): Promise<number> {
    assertOpen(this.#core);
    return pingL2(this.#core, this.#terms(options));
  }

  async close(): Promise<void> {
    await closeCore(this.#core);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  on<Name extends CacheEventName>(event: Name, listener: CacheListener<Name>): this {
    this.#core.events.on(event, listener);
    return this;
  }

  off<Name extends CacheEventName>(event: Name, listener: CacheListener<Name>): this {
    this.#core.events.off(event, listener);
    return this;
  }

  async #load(key: string, factory: Factory<unknown>, options: GetOrSetOptions | undefined): Promise<unknown> {
    const core = this.#core;
    assertOpen(core);
    const fullKey = this.#fullKey(key);
    if (typeof factory !== 'function') throw new ConfigError('getOrSet() needs a factory: a function that makes the value.');
    const signal = signalIn(options);
    const hardTimeout = hardTimeoutIn(options, this.#defaults);
    const life = lifeIn(options, this.#defaults);
    const load = { factory, userKey: key, life, tags: tagsOf(core, options), terms: this.#terms(options) };
    const space = this.#here();
    const forced = options?.forceFresh === true;

    let flight = core.flights.joinable(fullKey, space, forced, load.terms.outage);
    if (flight === undefined) {
      const start = { key: fullKey, space, forced, hardTimeout, outage: load.terms.outage };
      flight = core.flights.start(start, (started) => getOrSet(core, started, load));
    } else {
      core.counters.coalesced += 1;
    }
    return core.flights.wait(flight, hardTimeout, signal);
  }

  async #getBeyondL1(key: string, options: CallOptions | undefined): Promise<unknown> {
    const entry = await this.#beyondL1(key, options);
    return isFresh(entry, this.#core.clock.now()) ? entry.value : undefined;
  }

  async #entry(key: string, options: CallOptions | undefined): Promise<Entry | undefined> {
    return this.#inL1(key, options) ?? this.#beyondL1(key, options);
  }

  /** A key that is no string must not be turned into one here, nor an empty one into the prefix: the slow path refuses them. */
  #inL1(key: string, options?: CallOptions): Entry | undefined {
    if (typeof key !== 'string' || key === '') return undefined;
    const fullKey = this.#prefix + key;
    const entry = freshInL1(this.#core, this.#space, fullKey, options?.outage ?? this.#defaults.outage);
    if (entry !== undefined) countL1Hit(this.#core, fullKey);
    return entry;
  }

  async #beyondL1(key: string, options: CallOptions | undefined): Promise<Entry | undefined> {
    const core = this.#core;
    assertOpen(core);
    const fullKey = this.#fullKey(key);
    const found = await readBeyondL1(core, this.#here(), fullKey, this.#terms(options));
    countBeyondL1(core, fullKey, found);
    return found.entry;
  }

  #fullKey(key: string): string {
    checkKey(key);
    if (this.#prefix === '') return key;
    const fullKey = this.#prefix + key;
    checkKey(fullKey);
    return fullKey;
  }

  /** Its namespace. One that was not used for long may have been forgotten, and is another then. */
  #here(): Space {
    this.#space = this.#core.labels.remembered(this.#space);
    return this.#space;
  }

  #terms(options: CallOptions | undefined): Terms {
    return termsIn(options, this.#defaults);
  }

  #draft(value: unknown, options: SetOptions | undefined): Draft {
    return draftOf(this.#core, value, options, this.#defaults);
  }
}
