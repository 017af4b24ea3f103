import type { Clock, Timer } from '../clock.js';

/**
 * Lets so many through at once and the others wait their turn. A burst of ten thousand loads keeps this process busy for longer than
 * a budget; if all were sent at once, replies that lie here unread would be taken for a Redis that does not answer.
 */
export class Gate {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(
    places: number,
    /** How long one may wait for a place, ms. */
    private readonly longestWait: number,
    private readonly clock: Clock,
  ) {
    this.#free = places;
  }

  /** True at once or later when a place was got, which `leave` must give back; false when it took too long. */
  enter(): true | Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const enter = () => {
        timer.cancel();
        resolve(true);
      };
      const timer: Timer = this.clock.schedule(this.longestWait, () => {
        this.#waiting.delete(enter);
        resolve(false);
      });
      this.#waiting.add(enter);
    });
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    // The place goes straight to the first who waits.
    this.#waiting.delete(next);
    next();
  }
}
