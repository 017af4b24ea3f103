import type { Clock } from '../clock.js';

/** What comes of it, or nothing after `ms`. */
export function within<T>(clock: Clock, outcome: Promise<T>, ms: number): Promise<T | undefined> {
  if (ms === Number.POSITIVE_INFINITY) return outcome;
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(ms, () => resolve(undefined), 'awaited');
    outcome.finally(() => timer.cancel()).then(resolve, reject);
  });
}
