import type * as api from '../cache.js';
import { type Duration, positiveMs } from '../duration.js';
import type { Entry } from '../entries/entry.js';
import { isFresh } from '../entries/freshness.js';
import { checkKey, fullKeyOf } from '../entries/keys.js';
import type { Space } from '../entries/labels.js';
import { ConfigError } from '../errors.js';
import type { CacheEventName, CacheListener } from '../events.js';
import { untilAborted } from '../until-aborted.js';
import * as atomic from './atomic-writes.js';
import { type Defaults, defaultsIn, entriesIn, keysIn, signalIn, slidingIn, type Terms, termsIn } from './call-options.js';
import { assertOpen, type Core, closeCore, entryOf, pingL2, readyCore } from './core.js';
import { countBeyondL1, countDelete, countDeletePattern, countL1Hit, countSet } from './counting.js';
import { draftOf, draftsOf } from './draft.js';
import { getMany } from './get-many.js';
import { getOrSetMany } from './get-or-set-many.js';
import { healthOf } from './health.js';
import { clear, invalidateTags } from './invalidations.js';
import { afterHit, beginning, loadOf, loadOrJoin, planOf, slid } from './load.js';
import { memoize } from './memoize.js';
import { freshInL1, readBeyondL1 } from './reads.js';
import { sourcedCache } from './sourced-cache.js';
import { statsOf } from './stats.js';
import { listedTags } from './tags-in.js';
import { warm } from './warm.js';
import * as writes from './writes.js';

/**
 * One view of a cache: a prefix and defaults over a core that all views share. It checks what the caller gave, keeps count, and
 * leaves the work to the functions beside it.
 */
export class TieredCacheView implements api.TieredCache {
  readonly #core: Core;
  readonly #prefix: string;
  #space: Space;
  readonly #defaults: Defaults;
  /** Whether a hit may lead to more. */
  readonly #isKeptUp: boolean;

  constructor(core: Core, space: Space, defaults: Defaults) {
    this.#core = core;
    this.#prefix = space.prefix;
    this.#space = space;
    this.#defaults = defaults;
    this.#isKeptUp = defaults.beta !== 0 || defaults.sliding !== undefined;
  }

  get<T = unknown>(key: string, options?: api.ReadOptions): Promise<T | undefined> {
    const entry = this.#inL1(key, options);
    if (entry === undefined) return this.#getBeyondL1(key, options) as Promise<T | undefined>;
    if (this.#isKeptUp || options?.sliding !== undefined)
      return slid(this.#core, this.#here(), key, entry, options, this.#defaults) as Promise<T>;
    return Promise.resolve(entry.value as T);
  }

  peek<T = unknown>(key: string): T | undefined {
    return this.#inL1(key)?.value as T | undefined;
  }

  getOrSet<T>(key: string, factory: api.Factory<T>, options?: api.GetOrSetOptions): Promise<T> {
    if (options?.forceFresh !== true) {
      const entry = this.#inL1(key, options);
      if (entry !== undefined) {
        if (this.#isKeptUp || options?.earlyRefresh !== undefined || options?.sliding !== undefined) {
          return afterHit(this.#core, this.#here(), key, entry, factory, options, this.#defaults) as Promise<T>;
        }
        return Promise.resolve(entry.value as T);
      }
    }
    return this.#load(key, factory, options) as Promise<T>;
  }

  async getOrSetMany<T>(keys: Iterable<string> & object, factory: api.BatchFactory<T>, options?: api.GetOrSetOptions) {
    assertOpen(this.#core);
    return getOrSetMany<T>(this.#core, this.#here(), keys, factory, options, this.#defaults);
  }

  warm(list: api.WarmKeys | api.WarmEntries, factory?: api.BatchFactory<unknown> | api.WarmOptions, options?: api.WarmOptions) {
    return warm(this.#core, () => this.#here(), this.#defaults, list, factory, options);
  }

  memoize<F extends api.AnyFunction>(name: string, fn: F, options?: api.MemoizeOptions<F>): api.Memoized<F> {
    return memoize(this, name, fn, options);
  }

  withSource<T>(source: api.Source<T>, options?: api.SourceOptions): api.SourcedCache<T> {
    return sourcedCache({ cache: this, core: this.#core, defaults: this.#defaults, here: () => this.#here() }, source, options);
  }

  async getEntry<T = unknown>(key: string, options?: api.CallOptions): Promise<Entry<T> | undefined> {
    const entry = this.#inL1(key, options) ?? (await this.#beyondL1(key, options));
    return entry && (entryOf(entry) as Entry<T>);
  }

  getMany<T = unknown>(keys: Iterable<string> & object, options?: api.ReadOptions): Promise<Map<string, T>> {
    return this.#call(options, (core, terms) => {
      const asked = keysIn('getMany', keys);
      const fullKeys = asked.map((key) => this.#fullKey(key));
      const how = { ...terms, sliding: slidingIn(options, this.#defaults) };
      return getMany(core, this.#here(), asked, fullKeys, how) as Promise<Map<string, T>>;
    });
  }

  set<T>(key: string, value: T, options?: api.SetOptions): Promise<void> {
    return this.#call(options, async (core, terms) => {
      const fullKey = this.#fullKey(key);
      await writes.write(core, this.#here(), fullKey, draftOf(core, value, options, this.#defaults), terms);
      countSet(core, fullKey);
    });
  }

  setMany(
    entries: Iterable<readonly [key: string, value: unknown, options?: api.SetOptions]>,
    options?: api.SetOptions,
  ): Promise<void> {
    return this.#call(options, async (core, terms) => {
      const given = entriesIn('setMany', entries).map(([key, ...rest]) => [this.#fullKey(key), ...rest] as const);
      const checked = draftsOf(core, given, options, this.#defaults);
      await writes.writeMany(core, this.#here(), checked, terms);
      for (const key of checked.keys()) countSet(core, key);
    });
  }

  setIfAbsent<T>(key: string, value: T, options?: api.SetOptions): Promise<boolean> {
    return this.#call(options, async (core, terms) => {
      const fullKey = this.#fullKey(key);
      const draft = draftOf(core, value, options, this.#defaults);
      const stored = await atomic.writeIfAbsent(core, this.#here(), fullKey, draft, terms);
      if (stored) countSet(core, fullKey);
      return stored;
    });
  }

  async has(key: string, options?: api.CallOptions): Promise<boolean> {
    return isFresh(this.#inL1(key, options) ?? (await this.#beyondL1(key, options)), this.#core.clock.now());
  }

  async ttl(key: string, options?: api.CallOptions): Promise<number | undefined> {
    const entry = this.#inL1(key, options) ?? (await this.#beyondL1(key, options));
    const now = this.#core.clock.now();
    return isFresh(entry, now) ? entry.freshUntil - now : undefined;
  }

  delete(key: string, options?: api.DeleteOptions): Promise<boolean> {
    return this.#call(options, async (core, terms) => {
      const fullKey = this.#fullKey(key);
      const removed = options?.soft
        ? await writes.soften(core, this.#here(), fullKey, terms)
        : await writes.remove(core, fullKey, terms);
      countDelete(core, fullKey);
      return removed;
    });
  }

  deleteMany(keys: Iterable<string> & object, options?: api.CallOptions): Promise<number> {
    return this.#call(options, async (core, terms) => {
      const fullKeys = keysIn('deleteMany', keys).map((key) => this.#fullKey(key));
      const removed = await writes.removeMany(core, fullKeys, terms);
      for (const key of fullKeys) countDelete(core, key);
      return removed;
    });
  }

  deletePattern(pattern: string, options?: api.CallOptions): Promise<number> {
    return this.#call(options, async (core, terms) => {
      checkKey(pattern);
      const removed = await writes.removeMatching(core, this.#prefix, pattern, terms);
      countDeletePattern(core, this.#prefix, pattern, removed);
      return removed;
    });
  }

  expire(key: string, ttl: Duration, options?: api.CallOptions): Promise<boolean> {
    return this.#call(options, async (core, terms) => {
      const fullKey = this.#fullKey(key);
      const expires = await atomic.expire(core, this.#here(), fullKey, positiveMs(ttl, 'ttl'), terms);
      if (expires) countSet(core, fullKey);
      return expires;
    });
  }

  increment(key: string, by = 1, options?: api.SetOptions): Promise<number> {
    return this.#call(options, async (core, terms) => {
      if (!Number.isFinite(by)) throw new ConfigError(`increment() adds a finite number, got ${String(by)}.`);
      const fullKey = this.#fullKey(key);
      const sum = await atomic.increment(core, this.#here(), fullKey, by, draftOf(core, by, options, this.#defaults), terms);
      countSet(core, fullKey);
      return sum;
    });
  }

  clear(options?: api.ClearOptions): Promise<void> {
    return this.#call(options, (core, terms) => clear(core, this.#here(), options?.physical === true, terms));
  }

  invalidateTags(tags: Iterable<string> & object, options?: api.InvalidateTagsOptions): Promise<void> {
    return this.#call(options, (core, terms) => invalidateTags(core, listedTags(tags), options?.soft === true, terms));
  }

  namespace(name: string, options: api.NamespaceOptions = {}): api.TieredCache {
    const core = this.#core;
    assertOpen(core);
    const view = (prefix: string) => new TieredCacheView(core, core.labels.space(prefix), defaultsIn(options, this.#defaults));
    return core.namespaces.get(this.#prefix, name, options, view);
  }

  get locks(): api.Locks {
    return this.#core.locks.of(this.#prefix);
  }

  stats(): api.CacheStats {
    return statsOf(this.#core);
  }

  health(): api.CacheHealth {
    return healthOf(this.#core);
  }

  async ready(): Promise<api.CacheHealth> {
    await readyCore(this.#core);
    return this.health();
  }

  ping(options?: api.CallOptions): Promise<number> {
    return this.#call(options, pingL2);
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

  async #load(key: string, factory: api.Factory<unknown>, options: api.GetOrSetOptions | undefined): Promise<unknown> {
    const core = this.#core;
    assertOpen(core);
    const fullKey = this.#fullKey(key);
    const load = loadOf(core, key, factory, options, this.#defaults);
    const plan = planOf(this.#here(), fullKey, load, options?.forceFresh === true);
    return loadOrJoin(core, plan, beginning(core, load), signalIn(options));
  }

  async #getBeyondL1(key: string, options: api.ReadOptions | undefined): Promise<unknown> {
    const entry = await this.#beyondL1(key, options);
    if (!isFresh(entry, this.#core.clock.now())) return undefined;
    return slid(this.#core, this.#here(), key, entry, options, this.#defaults);
  }

  /** Whoever ends the wait, what was sent goes on, and is counted and kept in memory as it turns out. */
  async #call<T>(options: api.CallOptions | undefined, run: (core: Core, terms: Terms) => Promise<T>): Promise<T> {
    const core = this.#core;
    assertOpen(core);
    const terms = termsIn(options, this.#defaults);
    const signal = signalIn(options);
    return signal === undefined ? run(core, terms) : untilAborted(run(core, terms), signal);
  }

  /**
   * A key that is no string must not be turned into one here, nor an empty one into the prefix: the slow path refuses them, and who has
   * given up already.
   */
  #inL1(key: string, options?: api.CallOptions): Entry | undefined {
    if (typeof key !== 'string' || key === '' || options?.signal?.aborted) return undefined;
    const fullKey = this.#prefix + key;
    const entry = freshInL1(this.#core, this.#space, fullKey, options?.outage ?? this.#defaults.outage);
    if (entry !== undefined) countL1Hit(this.#core, fullKey);
    return entry;
  }

  #beyondL1(key: string, options: api.CallOptions | undefined): Promise<Entry | undefined> {
    return this.#call(options, async (core, terms) => {
      const fullKey = this.#fullKey(key);
      const found = await readBeyondL1(core, this.#here(), fullKey, terms);
      countBeyondL1(core, fullKey, found);
      return found.entry;
    });
  }

  #fullKey(key: string): string {
    return fullKeyOf(this.#prefix, key);
  }

  /** Its namespace. One that was not used for long may have been forgotten, and is another then. */
  #here(): Space {
    this.#space = this.#core.labels.remembered(this.#space);
    return this.#space;
  }
}
