import type { CircuitState } from './cache.js';
import { ConfigError } from './errors.js';

/** What a cache tells about itself. Listeners are called synchronously; one that throws is reported as a process warning. */
export interface CacheEvents {
  /** A read served from a tier. */
  hit: { readonly key: string; readonly tier: 'l1' | 'l2'; readonly stale: boolean };
  /** A read that no tier could serve. */
  miss: { readonly key: string };
  /** An entry was written: `set`, `setMany`, `setIfAbsent`, `increment` and `expire` where they changed something. */
  set: { readonly key: string };
  delete: { readonly key: string };
  'delete:pattern': { readonly namespace: string; readonly pattern: string; readonly removed: number };
  /** An entry that left L1 for want of room; told a turn of the event loop later. */
  evict: { readonly key: string };
  clear: { readonly namespace: string };
  'invalidate:tags': { readonly tags: readonly string[]; readonly soft: boolean };
  /** A factory began. */
  'factory:start': { readonly key: string };
  /** A factory settled; `ms` is how long it ran. */
  'factory:end': { readonly key: string; readonly ms: number; readonly error?: unknown };
  /** A fill that came too late: an invalidation was acknowledged while the factory ran, so its value was stored nowhere. */
  'fill:refused': { readonly key: string };
  /** An entry in L2 that could not be read; it was counted as a miss and removed. */
  'entry:unreadable': { readonly key: string; readonly error: unknown };
  /** An L2 operation failed; the call went on without it where it could. */
  'l2:error': { readonly operation: string; readonly error: unknown };
  /** The journal was to hold more than it may: the whole cache will be invalidated in L2 instead. */
  'journal:overflow': { readonly maxNames: number };
  /** All that the journal held has been delivered to L2. */
  'journal:delivered': Record<string, never>;
  /** The cache was closed before L2 took what the journal held: what L2 has under these names may be old, for the rest of its TTL. */
  'journal:undelivered': Undelivered & { readonly error?: unknown };
  /** A write behind was refused by the source, and will be tried again. */
  'source:error': { readonly keys: readonly string[]; readonly error: unknown };
  /** The cache was closed before the source took these writes behind, or acknowledged them: what was to be saved and what removed. */
  'source:unwritten': {
    readonly values: ReadonlyMap<string, unknown>;
    readonly removed: readonly string[];
    readonly error?: unknown;
  };
  /** A lock was taken, after so many ms. */
  'lock:acquired': { readonly resource: string; readonly fencingToken: number; readonly waited: number };
  /** It was not free at the first request. */
  'lock:contended': { readonly resource: string };
  /** It was not free in time. */
  'lock:timeout': { readonly resource: string; readonly waited: number };
  /** It can no longer be relied on. */
  'lock:lost': { readonly resource: string; readonly fencingToken: number; readonly error: unknown };
  /** It was given back after so many ms. */
  'lock:released': { readonly resource: string; readonly fencingToken: number; readonly held: number };
  /** It was taken without Redis, which is away: of this process alone, or not at all. */
  'lock:skipped': { readonly resource: string; readonly scope: 'process' | 'none'; readonly error: unknown };
  /** The circuit breaker changed state. */
  circuit: { readonly state: CircuitState; readonly reason?: unknown };
  /**
   * Trust in L1 was gained or lost. Gained with a reason: it goes on, but what was in L1 is verified against L2 before it is served.
   */
  trust: { readonly trusted: boolean; readonly reason?: unknown };
}

/** What is to be invalidated in L2 and is not, by name. */
export interface Undelivered {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly namespaces: readonly string[];
  /** With the prefix of the namespace that they were for. */
  readonly patterns: readonly string[];
  /** There were too many names to keep: it is the whole cache. */
  readonly everything: boolean;
}

export type CacheEventName = keyof CacheEvents;
export type CacheListener<Name extends CacheEventName> = (event: CacheEvents[Name]) => void;

const quiet: Record<CacheEventName, boolean> = {
  hit: false,
  miss: false,
  set: false,
  delete: false,
  'delete:pattern': false,
  evict: false,
  clear: false,
  'invalidate:tags': false,
  'factory:start': false,
  'factory:end': false,
  'fill:refused': false,
  'entry:unreadable': false,
  'l2:error': false,
  'journal:overflow': false,
  'journal:delivered': false,
  'journal:undelivered': false,
  'source:error': false,
  'source:unwritten': false,
  'lock:acquired': false,
  'lock:contended': false,
  'lock:timeout': false,
  'lock:lost': false,
  'lock:released': false,
  'lock:skipped': false,
  circuit: false,
  trust: false,
};

/** A typed emitter. Ask `heard` first, so that an event nobody listens to is never even built. */
export class Emitter {
  readonly heard: Record<CacheEventName, boolean> = { ...quiet };
  readonly #listeners = new Map<CacheEventName, Set<(event: never) => void>>();

  /** @throws ConfigError for an event that does not exist, or a listener that is no function */
  on<Name extends CacheEventName>(name: Name, listener: CacheListener<Name>): void {
    if (!Object.hasOwn(quiet, name)) {
      throw new ConfigError(`There is no event '${String(name)}'. There are ${Object.keys(quiet).join(', ')}.`);
    }
    if (typeof listener !== 'function') throw new ConfigError(`A listener of '${name}' must be a function.`);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    this.heard[name] = true;
  }

  off<Name extends CacheEventName>(name: Name, listener: CacheListener<Name>): void {
    const listeners = this.#listeners.get(name);
    listeners?.delete(listener);
    this.heard[name] = listeners !== undefined && listeners.size > 0;
  }

  emit<Name extends CacheEventName>(name: Name, event: CacheEvents[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        const returned: unknown = listener(event as never);
        // An asynchronous listener that fails must not end the process as an unhandled rejection.
        if (returned instanceof Promise) returned.catch((error: unknown) => warn(name, error));
      } catch (error) {
        warn(name, error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
    Object.assign(this.heard, quiet);
  }
}

function warn(name: CacheEventName, error: unknown): void {
  process.emitWarning(`a listener of '${name}' failed: ${String(error)}`, 'TierkeepWarning');
}
