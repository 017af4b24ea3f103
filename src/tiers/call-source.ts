import type { Clock } from '../clock.js';
import { SourceTimeoutError } from '../errors.js';
import type { SourceContext } from '../sourced-cache.js';

export interface SourceCall {
  readonly run: (context: SourceContext) => unknown;
  /** When its signal aborts, ms. */
  readonly hardTimeout: number;
  /** How long it is waited for after that, ms. */
  readonly overtime: number;
  /** Aborts when nobody waits any more: the cache was closed. Default: never. */
  readonly ended?: AbortSignal | undefined;
}

/** How a write to the source ended. `unknown`: it did not, and whether it will be done cannot be known before `settled` has settled. */
export type SourceOutcome =
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly error: unknown }
  | { readonly state: 'unknown'; readonly error: SourceTimeoutError; readonly settled: Promise<void> };

/** Has the source write. What throws at once and what rejects later is the same. */
export function callSource(clock: Clock, { run, hardTimeout, overtime, ended }: SourceCall): Promise<SourceOutcome> {
  const abort = new AbortController();
  const running = new Promise((resolve) => resolve(run({ signal: abort.signal })));
  return new Promise((resolve) => {
    let timer = clock.schedule(hardTimeout, timeOut, 'awaited');

    const giveUp = (error: SourceTimeoutError) => {
      const settled = running.then(
        () => undefined,
        () => undefined,
      );
      resolve({ state: 'unknown', error, settled });
    };
    const onEnded = () => {
      timer.cancel();
      const error = new SourceTimeoutError('The source had not settled when the cache was closed.');
      giveUp(error);
      abort.abort(error);
    };
    ended?.addEventListener('abort', onEnded, { once: true });

    function timeOut(): void {
      const error = new SourceTimeoutError(
        `The source did not settle within the hard time-out of ${hardTimeout} ms. Make it heed its signal, or raise hardTimeout.`,
      );
      if (overtime === 0) giveUp(error);
      else timer = clock.schedule(overtime, () => giveUp(error), 'awaited');
      abort.abort(error);
    }

    running
      .finally(() => {
        timer.cancel();
        ended?.removeEventListener('abort', onEnded);
      })
      .then(
        () => resolve({ state: 'done' }),
        (error: unknown) => resolve({ state: 'failed', error }),
      );
  });
}
