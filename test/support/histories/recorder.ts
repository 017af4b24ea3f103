import type { TieredCache } from 'tierkeep';
import type { Invalidation, Load, ProcessHistory, Read, SlowCall } from './process-history.js';

/** Of the clock that all processes of a machine share, ms. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** How long after it failed L2's failure may still be behind an answer. */
const aftermath = 20;

type Found = Iterable<readonly [key: string, version: number]>;

/** A call of the cache that runs. */
export interface Call {
  readonly began: number;
  /** How long its factory ran, ms. */
  factory: number;
}

export interface RecorderOptions {
  /** Of each call, ms: who took longer, without its factory, is written down too. Default: nobody is. */
  readonly budget?: number;
  /** How long this process has not run in all, ms. */
  readonly lostTime?: () => number;
  /** What was done while L2 was away is written down once more, and not as excused, when the journal is empty. Default false. */
  readonly journal?: boolean;
}

/** Writes down what one process does with one cache, and whether its L2 was there meanwhile. */
export class Recorder {
  readonly #process: string;
  readonly #cache: TieredCache;
  readonly #options: RecorderOptions;
  #kept = emptyHistory();
  /** Not known to be in force in L2. */
  #pending: Invalidation[] = [];
  #lastFailure = Number.NEGATIVE_INFINITY;
  #circuitClosed = true;

  constructor(process: string, cache: TieredCache, options: RecorderOptions = {}) {
    this.#process = process;
    this.#cache = cache;
    this.#options = options;
    const fails = () => {
      this.#lastFailure = now();
    };
    cache.on('l2:error', fails);
    cache.on('circuit', ({ state }) => {
      this.#circuitClosed = state === 'closed';
      fails();
    });
  }

  /** What was written down since this was last asked. */
  take(): ProcessHistory {
    this.#settlePending();
    const taken = this.#kept;
    this.#kept = emptyHistory();
    return taken;
  }

  /**
   * Reads once the event loop came round: then it is known since when timers and sockets may not have been heard. A process that the
   * machine did not run for a second has an excuse for what came in that second, and for nothing else.
   */
  async reads(calls: readonly (() => Promise<Found>)[]): Promise<void> {
    const heardUntil = now();
    await turn();
    await turn();
    await Promise.all(
      calls.map(async (call) => {
        const began = now();
        const closed = this.#circuitClosed;
        const answers = await call();
        const excused = !closed || this.failedSince(began);
        for (const [key, version] of answers) {
          this.#kept.reads.push({
            process: this.#process,
            key,
            began,
            version,
            lag: began - heardUntil,
            excused,
          } satisfies Read);
        }
      }),
    );
  }

  /** To be called later, and then timed. */
  call<T>(operation: string, run: (call: Call) => Promise<T>): () => Promise<T> {
    return async () => {
      const { budget = Number.POSITIVE_INFINITY, lostTime = () => 0 } = this.#options;
      const began = now();
      const call: Call = { began, factory: 0 };
      const lostBefore = lostTime();
      this.#kept.calls[operation] = (this.#kept.calls[operation] ?? 0) + 1;
      try {
        return await run(call);
      } finally {
        const took = now() - began;
        const lost = lostTime() - lostBefore;
        if (took - call.factory - lost > budget) {
          this.#kept.slow.push({
            process: this.#process,
            operation,
            began,
            took,
            lost,
            factory: call.factory,
          } satisfies SlowCall);
        }
      }
    };
  }

  /** Says whether it is acknowledged beyond doubt. */
  async invalidates(
    call: string,
    floors: Invalidation['floors'],
    run: () => Promise<unknown>,
    { broad = false, foreign = false } = {},
  ): Promise<boolean> {
    const began = now();
    const closed = this.#circuitClosed;
    await this.call(call.split(' ', 1)[0] as string, run)();
    const acknowledged = now();
    const excused = !foreign && (!closed || this.failedSince(began));
    const process = foreign ? `${this.#process}, without Tierkeep` : this.#process;
    const told: Invalidation = { process, call, began, acknowledged, floors, broad, excused };
    this.#kept.invalidations.push(told);
    if (excused && this.#options.journal) this.#pending.push(told);
    return !excused;
  }

  async loads<T>(key: string, run: () => Promise<T>, call?: Call): Promise<T> {
    const began = now();
    try {
      return await run();
    } finally {
      const ended = now();
      if (call !== undefined) call.factory += ended - began;
      // What failed before it, as asking for the lease, is its reason.
      this.#kept.loads.push({
        process: this.#process,
        key,
        began,
        ended,
        excused: this.failedSince(began - 1_000),
      } satisfies Load);
    }
  }

  failedSince(moment: number): boolean {
    return !this.#circuitClosed || this.#lastFailure >= moment - aftermath;
  }

  /** An empty journal says that L2 has acknowledged all that was done before. */
  #settlePending(): void {
    if (this.#pending.length === 0 || this.#cache.health().journal?.names !== 0) return;
    const inForce = now();
    for (const told of this.#pending) this.#kept.invalidations.push({ ...told, excused: false, inForce });
    this.#pending = [];
  }
}

export function emptyHistory(): ProcessHistory {
  return { reads: [], invalidations: [], loads: [], calls: {}, slow: [] };
}
