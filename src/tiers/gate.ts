import type { Clock, Timer } from '../clock.js';

/**
 * Lets so many through at once and the others wait their turn. A burst of ten thousand loads keeps this process busy for longer than
 * a budget; if all were sent at once, replies that lie here unread would be taken for a Redis that does not answer.
 */
export class Gate {
  #free: number;
  #waiting: Waiter[] = [];
  /** Where the queue begins: shifting an array of thousands for each that leaves would cost more than they do. */
  #head = 0;

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
    while (this.#head < this.#waiting.length) {
      const waiter = this.#waiting[this.#head] as Waiter;
      this.#head += 1;
      if (waiter.gone) continue;
      waiter.timer.cancel();
      waiter.enter();
      return;
    }
    this.#waiting = [];
    this.#head = 0;
    this.#free += 1;
  }
}

interface Waiter {
  readonly timer: Timer;
  gone: boolean;
  enter(): void;
}
