import type { Clock } from '../../clock.js';

/**
 * What to add to this process's wall clock to get the server's. A sample that comes with a reply says less than the truth by the
 * time the reply took, never more; so a higher sample is believed at once, and a lower one only when a whole row of samples was
 * lower, which is a clock that was set or drifts and not a slow reply.
 */
export class ServerClock {
  readonly #clock: Clock;
  #offset = 0;
  #highest = Number.NEGATIVE_INFINITY;
  #samples = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get offset(): number {
    // Whole ms, since it is added to wall clock times, which are.
    return Math.round(this.#offset);
  }

  /** From an exchange made for it: the server looked at its clock between `sentAt` (our wall clock) and now. */
  measured(serverMs: number, sentAt: number): void {
    this.#offset = serverMs - (sentAt + this.#clock.now()) / 2;
    this.#forget();
  }

  learn(serverMs: number): void {
    const sample = serverMs - this.#clock.now();
    this.#highest = Math.max(this.#highest, sample);
    this.#samples++;
    if (sample <= this.#offset && this.#samples < 16) return;
    this.#offset = this.#highest;
    this.#forget();
  }

  #forget(): void {
    this.#highest = Number.NEGATIVE_INFINITY;
    this.#samples = 0;
  }
}
