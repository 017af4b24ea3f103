import type { CircuitState } from './cache.js';

/** What a cache tells about itself. Listeners are called synchronously; one that throws is reported as a process warning. */
export interface CacheEvents {
  /** A read served from a tier. */
  hit: { readonly key: string; readonly tier: 'l1' | 'l2'; readonly stale: boolean };
  /** A read that no tier could serve. */
  miss: { readonly key: string };
  set: { readonly key: string };
  delete: { readonly key: string };
  /** An entry that left L1 for want of room. */
  evict: { readonly key: string };
  clear: { readonly namespace: string };
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
  /** The circuit breaker changed state. */
  circuit: { readonly state: CircuitState; readonly reason?: unknown };
}

export type CacheEventName = keyof CacheEvents;
export type CacheListener<Name extends CacheEventName> = (event: CacheEvents[Name]) => void;

/** A typed emitter. `emit` takes a function, so that an event nobody listens to is never even built. */
export class Emitter {
  readonly #listeners = new Map<CacheEventName, Set<(event: never) => void>>();

  on<Name extends CacheEventName>(name: Name, listener: CacheListener<Name>): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
  }

  off<Name extends CacheEventName>(name: Name, listener: CacheListener<Name>): void {
    const listeners = this.#listeners.get(name);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(name);
  }

  emit<Name extends CacheEventName>(name: Name, event: () => CacheEvents[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    const built = event();
    for (const listener of [...listeners]) {
      try {
        listener(built as never);
      } catch (error) {
        process.emitWarning(`a listener of '${name}' threw: ${String(error)}`, 'TierkeepWarning');
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
