import type { WarmFailure, WarmReport } from '../cache.js';
import type { Clock } from '../clock.js';

/** A list of any length may fail as a whole. */
const mostFailures = 1_000;

export class WarmTally {
  readonly #startedAt: number;
  readonly #failed: WarmFailure[] = [];
  #failures = 0;
  loaded = 0;
  fresh = 0;
  missing = 0;

  constructor(private readonly clock: Clock) {
    this.#startedAt = clock.monotonic();
  }

  get done(): number {
    return this.loaded + this.fresh + this.missing + this.#failures;
  }

  fail(key: string, error: unknown): void {
    this.#failures += 1;
    if (this.#failures <= mostFailures) this.#failed.push({ key, error });
  }

  report(): WarmReport {
    const { done: total, loaded, fresh, missing } = this;
    return { total, loaded, fresh, missing, failed: this.#failed, ms: this.clock.monotonic() - this.#startedAt };
  }
}
