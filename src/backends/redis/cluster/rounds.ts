export interface RoundsSettings {
  run(): Promise<void>;
  /** How long to wait after a round before the next one if nobody asks for it, ms. */
  pause(): number;
}

/** Between the beginnings of two rounds, however often they are asked for, ms. */
const shortestPause = 100;

/** Runs rounds one at a time: when asked for, and else now and then. Whatever asks meanwhile shares the next one. */
export class Rounds {
  readonly #settings: RoundsSettings;
  #asked: { promise: Promise<void>; resolve: () => void } | undefined;
  #running = false;
  #stopped = false;
  #began = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: RoundsSettings) {
    this.#settings = settings;
  }

  /** Resolves when a round that begins from now on is over, or when there are no more. */
  soon(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#asked === undefined) {
      let resolve = () => {};
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#asked = { promise, resolve };
      if (!this.#running) this.#arm(0);
    }
    return this.#asked.promise;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#asked?.resolve();
  }

  #arm(pause: number): void {
    clearTimeout(this.#timer);
    const rest = this.#began + shortestPause - performance.now();
    this.#timer = setTimeout(() => void this.#round(), Math.max(pause, rest));
    this.#timer.unref();
  }

  async #round(): Promise<void> {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#running = true;
    this.#began = performance.now();
    try {
      await this.#settings.run();
    } finally {
      this.#running = false;
      asked?.resolve();
      if (!this.#stopped) this.#arm(this.#asked === undefined ? this.#settings.pause() : 0);
    }
  }
}
