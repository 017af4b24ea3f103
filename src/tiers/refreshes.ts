import type { Clock } from '../clock.js';

/** So many factories run in the background at once; where more would, the stale value serves on, and the next caller tries again. */
const mostAtOnce = 64;
/** Of so many keys it is remembered that nobody is to try before a time. */
const mostPutOff = 10_000;

/** The loads that nobody waits for, and when not to begin one. */
export class Refreshes {
  #running = 0;
  readonly #notBefore = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  get running(): number {
    return this.#running;
  }

  /** No more are to begin. */
  get full(): boolean {
    return this.#running >= mostAtOnce;
  }

  /** More have begun already than are to run. */
  get overfull(): boolean {
    return this.#running > mostAtOnce;
  }

  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
  }

  /** It was tried and failed, or another process is at it: so long, in ms, what is there will do. */
  putOff(key: string, ms: number): void {
    this.#notBefore.delete(key);
    this.#notBefore.set(key, this.clock.monotonic() + ms);
    if (this.#notBefore.size > mostPutOff)
      for (const oldest of this.#notBefore.keys()) if (this.#notBefore.delete(oldest)) break;
  }

  isPutOff(key: string): boolean {
    const until = this.#notBefore.get(key);
    if (until === undefined) return false;
    if (this.clock.monotonic() < until) return true;
    this.#notBefore.delete(key);
    return false;
  }

  /** There is something new. */
  forget(key: string): void {
    if (this.#notBefore.size > 0) this.#notBefore.delete(key);
  }
}
