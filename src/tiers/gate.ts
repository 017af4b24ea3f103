import type { Clock, Timer } from '../clock.js';

/**
 * Lets so many through at once and the others wait their turn. A burst of ten thousand loads keeps this process busy for longer than
 * a budget; if all were sent at once, replies that lie here unread would be taken for a Redis that does not answer.
 */
export class Gate {
  readonly #places: number;
  #inside = 0;
  /** How many may be inside: all places, but fewer for a while after L2 was away. */
  #allowed: number;
  #waiting: Waiter[] = [];
  /** Where the queue begins: shifting an array of thousands for each that leaves would cost more than they do. */
  #head = 0;

  constructor(
    places: number,
    /** How long one may wait for a place, ms. */
    private readonly longestWait: number,
    private readonly clock: Clock,
  ) {
    this.#places = places;
    this.#allowed = places;
  }

  /** True at once or later when a place was got, which `leave` must give back; false when it took too long. */
  enter(): true | Promise<boolean> {
    if (this.#inside < this.#allowed) {
      this.#inside += 1;
      return true;
    }
    return new Promise((resolve) => {
      const waiter: Waiter = {
        timer: this.clock.schedule(
          this.longestWait,
          () => {
            waiter.gone = true;
            resolve(false);
          },
          'awaited',
        ),
        gone: false,
        enter: () => resolve(true),
      };
      this.#waiting.push(waiter);
    });
  }

  /** The place goes straight to the first who still waits. */
  leave(): void {
    this.#inside -= 1;
    if (this.#allowed < this.#places) this.#allowed += 1;
    while (this.#inside < this.#allowed) {
      const waiter = this.#next();
      if (waiter === undefined) return;
      this.#inside += 1;
      waiter.timer.cancel();
      waiter.enter();
    }
  }

  /**
   * Begins with few places, and with one more for each call that ends: so as many again with each round trip, until all are there. What waited
   * for L2 to come back must not come over it at one moment, when it may still be loading, and every other process comes too.
   */
  narrow(): void {
    this.#allowed = Math.min(this.#places, placesAtFirst);
  }

  #next(): Waiter | undefined {
    while (this.#head < this.#waiting.length) {
      const waiter = this.#waiting[this.#head] as Waiter;
      this.#head += 1;
      if (!waiter.gone) return waiter;
    }
    if (this.#head > 0) this.#waiting = [];
    this.#head = 0;
    return undefined;
  }
}

const placesAtFirst = 16;

interface Waiter {
  readonly timer: Timer;
  gone: boolean;
  enter(): void;
}
