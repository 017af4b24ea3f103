/** What one process was told: its invalidations when they were executed and acknowledged, and what its reads returned. */
export interface Invalidation extends Scope {
  readonly process: string;
  readonly command: string;
  executedAt: number;
  acknowledgedAt: number;
  /** The same in ms of the clock. */
  acknowledgedMs: number;
}

/** What is invalidated: what is under one of the keys, and what carries one of the labels. */
export interface Scope {
  readonly keys?: readonly string[];
  readonly labels?: readonly string[];
  /** It may still be had from those who may give what is stale. */
  readonly soft?: boolean;
}

/** Who read what, and whether what was invalidated softly will do. */
export interface Seen {
  readonly process: string;
  readonly key: string;
  readonly value: unknown;
  readonly stale: boolean;
  /** Of the view that it was asked of: nothing that it shows is older than its own clearing, whoever put it there. */
  readonly labels: readonly string[];
}

interface Origin {
  readonly labels: ReadonlySet<string>;
  at: number;
  from: string;
}

/**
 * A history of values, each unique and each with the moment it comes from: a set's when it was executed, a factory's when it read the
 * source. A value that comes from before an invalidation is overtaken by it.
 */
export class History {
  readonly #origins = new Map<unknown, Origin>();
  readonly #invalidations: Invalidation[] = [];
  #time = 0;

  now(): number {
    this.#time += 1;
    return this.#time;
  }

  /** The value will be made, under these labels. */
  promised(value: unknown, labels: Iterable<string>): void {
    this.#origins.set(value, { labels: new Set(labels), at: Number.POSITIVE_INFINITY, from: 'nothing yet' });
  }

  begins(value: unknown, from: string): void {
    const origin = this.#origins.get(value);
    if (origin === undefined) throw new Error(`${String(value)} begins, which nobody promised`);
    if (origin.at < Number.POSITIVE_INFINITY) return;
    origin.at = this.now();
    origin.from = from;
  }

  invalidation(process: string, command: string, scope: Scope): Invalidation {
    const made = {
      ...scope,
      process,
      command,
      executedAt: Number.POSITIVE_INFINITY,
      acknowledgedAt: Number.POSITIVE_INFINITY,
      acknowledgedMs: Number.POSITIVE_INFINITY,
    };
    this.#invalidations.push(made);
    return made;
  }

  /** Whatever anybody was told is gone has been told to everybody as of this moment. */
  delivered(ms: number): void {
    for (const told of this.#invalidations) if (told.acknowledgedAt < Number.POSITIVE_INFINITY) told.acknowledgedMs = ms;
  }

  /** Throws when a read that began at `startedAt` returned what its own process had been told is gone. */
  checkRead(seen: Seen, startedAt: number): void {
    this.#check(seen, (told) => told.process === seen.process && told.acknowledgedAt < startedAt, '');
  }

  /** Throws when a read that began at `startedMs` returned what anybody had been told is gone at least `bound` ms before. */
  checkBound(seen: Seen, startedMs: number, bound: number): void {
    this.#check(seen, (told) => told.acknowledgedMs + bound <= startedMs, ` at ${startedMs} ms`);
  }

  /** Throws when L2 keeps what anybody had been told is gone. */
  checkAtRest(key: string, value: unknown, stale: boolean): void {
    this.#check(
      { process: 'L2', key, value, stale, labels: [] },
      (told) => told.acknowledgedAt < Number.POSITIVE_INFINITY,
      ' at rest',
    );
  }

  #check({ process, key, value, stale, labels }: Seen, counts: (told: Invalidation) => boolean, when: string): void {
    if (value === undefined) return;
    const origin = this.#origins.get(value);
    const what = `${process} has ${key} = ${String(value)}${when}`;
    if (origin === undefined) throw new Error(`${what}, which nobody made`);
    const overtaken = this.#invalidations.find(
      (told) =>
        origin.at < told.executedAt && counts(told) && !(stale && told.soft) && concerns(told, key, origin.labels, labels),
    );
    if (overtaken === undefined) return;
    const { command, process: by, executedAt, acknowledgedAt } = overtaken;
    throw new Error(
      `${what} (${origin.from}, at ${origin.at}), though ${command} by ${by} was executed at ${executedAt} and acknowledged at ${acknowledgedAt}`,
    );
  }
}

function concerns(told: Scope, key: string, carried: ReadonlySet<string>, ofView: readonly string[]): boolean {
  const { keys = [], labels = [] } = told;
  return keys.includes(key) || labels.some((label) => carried.has(label) || ofView.includes(label));
}
