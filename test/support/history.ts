/** What one process was told: its invalidations when they were executed and acknowledged, and what its reads returned. */
export interface Invalidation {
  readonly process: string;
  readonly keys: readonly string[];
  readonly command: string;
  executedAt: number;
  acknowledgedAt: number;
  /** The same in ms of the clock. */
  acknowledgedMs: number;
}

/**
 * A history of values, each unique and each with the moment it comes from: a set's when it was executed, a factory's when it read the
 * source. A value that comes from before an invalidation is overtaken by it.
 */
export class History {
  readonly #origins = new Map<unknown, { at: number; from: string }>();
  readonly #invalidations: Invalidation[] = [];
  #time = 0;

  now(): number {
    this.#time += 1;
    return this.#time;
  }

  begins(value: unknown, from: string): void {
    if (!this.#origins.has(value)) this.#origins.set(value, { at: this.now(), from });
  }

  invalidation(process: string, command: string, keys: readonly string[]): Invalidation {
    const made = {
      process,
      keys,
      command,
      executedAt: Number.POSITIVE_INFINITY,
      acknowledgedAt: Number.POSITIVE_INFINITY,
      acknowledgedMs: Number.POSITIVE_INFINITY,
    };
    this.#invalidations.push(made);
    return made;
  }

  /** Throws when a read that began at `startedAt` returned what its own process had been told is gone. */
  checkRead(process: string, key: string, value: unknown, startedAt: number): void {
    this.#check(value, `${process} read ${key}`, (told) => {
      return told.process === process && told.keys.includes(key) && told.acknowledgedAt < startedAt;
    });
  }

  /** Throws when a read that began at `startedMs` returned what anybody had been told is gone at least `bound` ms before. */
  checkBound(process: string, key: string, value: unknown, startedMs: number, bound: number): void {
    this.#check(value, `${process} read ${key} at ${startedMs} ms`, (told) => {
      return told.keys.includes(key) && told.acknowledgedMs + bound <= startedMs;
    });
  }

  /** Throws when L2 keeps what anybody had been told is gone. */
  checkAtRest(key: string, value: unknown): void {
    this.#check(value, `L2 at rest holds ${key}`, (told) => {
      return told.keys.includes(key) && told.acknowledgedAt < Number.POSITIVE_INFINITY;
    });
  }

  #check(value: unknown, what: string, counts: (told: Invalidation) => boolean): void {
    if (value === undefined) return;
    const origin = this.#origins.get(value);
    if (origin === undefined) throw new Error(`${what} = ${String(value)}, which nobody made`);
    const overtaken = this.#invalidations.find((told) => counts(told) && origin.at < told.executedAt);
    if (overtaken === undefined) return;
    const { command, process, executedAt, acknowledgedAt } = overtaken;
    throw new Error(
      `${what} = ${String(value)} (${origin.from}, at ${origin.at}), though ${command} by ${process} was executed at ${executedAt} and acknowledged at ${acknowledgedAt}`,
    );
  }
}
