import type { Clock } from '../clock.js';

/**
 * What one cache call may spend on L2, over all its commands. The time a factory takes is not L2's and does not count, so the
 * budget is only spent while an L2 command is waited for; nor does what this process computed meanwhile, in a burst, say.
 */
export interface Budget {
  /** Nothing is left. L2 need not be asked then: it would fail by our own time and look like an outage. */
  readonly gone: boolean;
  /** Runs one L2 operation by the moment at which the rest of the budget would be gone. */
  spend<T>(operation: (deadline: number) => Promise<T>): Promise<T>;
  /** The same for asking again while another process's factory runs: an answer costs nothing, only silence does. */
  poll<T>(operation: (deadline: number) => Promise<T>): Promise<T>;
}

export function budgetOf(ms: number, clock: Clock): Budget {
  let left = ms;

  async function timed<T>(operation: (deadline: number) => Promise<T>, answersAreFree: boolean): Promise<T> {
    const start = clock.monotonic();
    const busyBefore = clock.busy();
    let charged = true;
    try {
      const answer = await operation(start + left);
      charged = !answersAreFree;
      return answer;
    } finally {
      if (charged) {
        const waited = clock.monotonic() - start - (clock.busy() - busyBefore);
        left -= Math.min(left, Math.max(0, waited));
      }
    }
  }

  return {
    get gone() {
      return left <= 0;
    },
    spend: (operation) => timed(operation, false),
    poll: (operation) => timed(operation, true),
  };
}
