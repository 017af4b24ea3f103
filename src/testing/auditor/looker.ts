import type { TieredCache } from '../../cache.js';
import type { Entry } from '../../entries/entry.js';
import type { Findings } from './mismatch.js';
import type { AuditSettings } from './options.js';
import type { Suspicion } from './suspicions.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Reads a key wherever it is. */
export class Looker {
  readonly #cache: TieredCache;
  readonly #settings: AuditSettings;
  readonly #abort = new AbortController();
  #truthFailures = 0;
  readonly #onFailure = () => {
    this.#truthFailures += 1;
  };

  constructor(cache: TieredCache, settings: AuditSettings) {
    this.#cache = cache;
    this.#settings = settings;
    settings.truth?.on('l2:error', this.#onFailure);
  }

  close(): void {
    this.#settings.truth?.off('l2:error', this.#onFailure);
    this.#abort.abort();
  }

  /** Undefined when something was away, so that nothing can be said. */
  async look(key: string): Promise<Findings | undefined> {
    const { truth, read } = this.#settings;
    const failures = this.#truthFailures;
    if (this.#abort.signal.aborted) return undefined;
    const [l2, source] = await Promise.all([truth?.getEntry(key), read && this.#readSource(key)]);
    // L1 last: it may only be newer than what it is compared with, never older for want of time.
    const l1 = await this.#inL1(key);
    const well = this.#cache.health().status === 'ok' && (truth === undefined || truth.health().status === 'ok');
    return well && failures === this.#truthFailures ? { l1, l2, source } : undefined;
  }

  /** Those whose wrong entry L1 still serves once everything that has come to this process was heard. */
  async stillThere(key: string, suspicions: readonly Suspicion[]): Promise<readonly Suspicion[]> {
    if (!suspicions.some(({ tier }) => tier === 'l1')) return suspicions;
    await turn();
    await turn();
    const l1 = await this.#inL1(key);
    return suspicions.filter(({ tier, entry }) => tier !== 'l1' || l1?.stamp === entry.stamp);
  }

  /** `peek` says at once whether L1 serves it; then `getEntry` takes it from there, and never asks L2. */
  async #inL1(key: string): Promise<Entry | undefined> {
    return this.#cache.peek(key) === undefined ? undefined : this.#cache.getEntry(key);
  }

  #readSource(key: string): Promise<{ readonly value: unknown }> {
    const { read, timeout, clock } = this.#settings;
    const { signal } = this.#abort;
    const own = new AbortController();
    return new Promise((resolve, reject) => {
      const over = () => {
        timer.cancel();
        signal.removeEventListener('abort', end);
      };
      const end = () => {
        over();
        own.abort();
        reject(new Error('the source was not read in time'));
      };
      const timer = clock.schedule(timeout, end);
      signal.addEventListener('abort', end, { once: true });
      // In a promise of its own, since it may throw at once.
      new Promise((settle) => settle(read?.(key, { signal: own.signal })))
        .finally(over)
        .then((value) => resolve({ value }), reject);
    });
  }
}
