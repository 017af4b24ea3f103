/**
 * Time as the cache sees it. Injected, so that tests decide what time it is.
 * Clocks decide freshness only, never whether an invalidation counts.
 */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Wall clock that may lag by about a millisecond; what an L1 hit can afford (Date.now costs a third of such a hit). */
  coarseNow(): number;
  /** Never goes backwards, ms; for deadlines and measured durations. */
  monotonic(): number;
  /** How long this process has been computing rather than waiting, ms since it began; to tell its own slowness from a server's. */
  busy(): number;
  /**
   * Runs `task` once after `ms`. Only a task that is `awaited`, since some caller's promise may settle by nothing else, keeps the
   * process alive until then; housekeeping never does.
   */
  schedule(ms: number, task: () => void, awaited?: 'awaited'): Timer;
}

export interface Timer {
  cancel(): void;
}

// As they were when this module was loaded: tests put others in their place, and what stands still there must not be cached here.
const realNow = Date.now;
const realSetTimeout = setTimeout;

let cached = 0;

function forget(): void {
  cached = 0;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  coarseNow() {
    if (Date.now !== realNow) return Date.now();
    if (cached === 0) {
      cached = realNow();
      realSetTimeout(forget, 1).unref();
    }
    return cached;
  },
  monotonic: () => performance.now(),
  busy: () => performance.eventLoopUtilization().active,
  schedule(ms, task, awaited) {
    const timer = setTimeout(task, ms);
    if (awaited === undefined) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
