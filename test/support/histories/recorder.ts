import type { TieredCache } from 'tierkeep';
import type { Invalidation, Load, ProcessHistory, Read } from './process-history.js';

/** Of the clock that all processes of a machine share, ms. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** How long after it failed L2's failure may still be behind an answer. */
const aftermath = 20;

/** Writes down what one process does with one cache, and whether its L2 was there meanwhile. */
export class Recorder {
  readonly #process: string;
  #kept: ProcessHistory = { reads: [], invalidations: [], loads: [] };
  #lastFailure = Number.NEGATIVE_INFINITY;
  #circuitClosed = true;

  constructor(process: string, cache: TieredCache) {
    this.#process = process;
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
    const taken = this.#kept;
    this.#kept = { reads: [], invalidations: [], loads: [] };
    return taken;
  }

  /**
   * Reads once the event loop came round: then it is known since when timers and sockets may not have been heard. A process that the
   * machine did not run for a second has an excuse for what came in that second, and for nothing else.
   */
  async reads(calls: readonly (() => Promise<Iterable<readonly [key: string, version: number]>>)[]): Promise<void> {
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

  /** Says whether it is acknowledged beyond doubt. */
  async invalidates(
    call: string,
    floors: Invalidation['floors'],
    run: () => Promise<unknown>,
    { broad = false, foreign = false } = {},
  ): Promise<boolean> {
    const began = now();
    const closed = this.#circuitClosed;
    await run();
    const acknowledged = now();
    const excused = !foreign && (!closed || this.failedSince(began));
    const process = foreign ? `${this.#process}, without Tierkeep` : this.#process;
    this.#kept.invalidations.push({ process, call, acknowledged, floors, broad, excused });
    return !excused;
  }

  async loads<T>(key: string, run: () => Promise<T>): Promise<T> {
    // What failed before it, as asking for the lease, is its reason.
    const began = now() - 1_000;
    try {
      return await run();
    } finally {
      this.#kept.loads.push({ process: this.#process, key, excused: this.failedSince(began) } satisfies Load);
    }
  }

  failedSince(moment: number): boolean {
    return !this.#circuitClosed || this.#lastFailure >= moment - aftermath;
  }
}
