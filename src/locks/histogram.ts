import type { Histogram } from '../lock.js';

/** ms. From a hand-over without a wait to a job of a minute; what is longer is in the last one. */
const bounds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, Number.POSITIVE_INFINITY];

/** How often something took how long. */
export class DurationHistogram {
  readonly #counts: number[] = bounds.map(() => 0);
  #sum = 0;

  add(ms: number): void {
    const at = bounds.findIndex((bound) => ms <= bound);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += ms;
  }

  read(): Histogram {
    let count = 0;
    const buckets = bounds.map((le, at) => {
      count += this.#counts[at] ?? 0;
      return { le, count };
    });
    return { count, sum: this.#sum, buckets };
  }
}
