import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Stalls {
  /** The longest that this process was not let run at one go since it began to watch, ms. */
  readonly longest: number;
  stop(): void;
}

/**
 * What shared cores take from this process, for limits on elapsed time: a promise says what the code does, not what the machine cannot.
 * Several turns of the loop are in most of what is measured, and other processes starve as this one does, so allow a few times of it.
 */
export function watchStalls(): Stalls {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  return {
    get longest() {
      return delays.max / 1e6;
    },
    stop: () => void delays.disable(),
  };
}
