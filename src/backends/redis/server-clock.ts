import type { Clock } from '../../clock.js';

/** Two clocks are read a moment apart, and one of them in whole ms. */
const jitterMs = 2;

/** By so much at once no clock is slewed: either it was set, or this process was suspended and its monotonic clock stood still. */
const stepMs = 1_000;

/**
 * What the server's clock shows. Kept against the monotonic clock, not the wall clock: this process's wall clock may be set at any
 * time, and the server knows nothing of that (unless it runs on the same host; it is asked). A sample that comes with a reply says less than the truth by the time the reply took,
 * never more; so a higher sample is believed at once, and a lower one only when a whole row of samples was lower, which is a clock
 * that was set or drifts and not a slow reply.
 */
export class ServerClock {
  readonly #clock: Clock;
  readonly #doubted: () => void;
  /** What to add to the monotonic clock to get the server's. */
  #ahead: number;
  #offset = 0;
  #highest = Number.NEGATIVE_INFINITY;
  #samples = 0;

  /** `doubted`: our two clocks have come apart, so the server had better be asked again. */
  constructor(clock: Clock, doubted: () => void = () => {}) {
    this.#clock = clock;
    this.#doubted = doubted;
    this.#ahead = clock.now() - clock.monotonic();
  }

  /** What to add to this process's wall clock, as it is set now, to get the server's; in whole ms, as times on that clock are. */
  get offset(): number {
    const exact = this.#ahead + this.#clock.monotonic() - this.#clock.now();
    // It must not waver with the jitter: the same entry would be told with other times at every read.
    const change = Math.abs(exact - this.#offset);
    if (change > jitterMs) this.#offset = Math.round(exact);
    if (change > stepMs) this.#doubted();
    return this.#offset;
  }

  /** From an exchange made for it: the server looked at its clock between `sentAt` (our monotonic clock) and now. */
  measured(serverMs: number, sentAt: number): void {
    this.#believe(serverMs - (sentAt + this.#clock.monotonic()) / 2);
  }

  learn(serverMs: number): void {
    const sample = serverMs - this.#clock.monotonic();
    this.#highest = Math.max(this.#highest, sample);
    this.#samples++;
    if (sample <= this.#ahead && this.#samples < 16) return;
    this.#believe(this.#highest);
  }

  #believe(ahead: number): void {
    this.#ahead = ahead;
    this.#offset = Math.round(ahead + this.#clock.monotonic() - this.#clock.now());
    this.#highest = Number.NEGATIVE_INFINITY;
    this.#samples = 0;
  }
}
