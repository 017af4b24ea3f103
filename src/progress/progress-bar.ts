import { SingleBar } from 'cli-progress';
import type { WarmProgress } from '../cache.js';

export interface ProgressBarOptions {
  /** What stands before the bar. Default `warming`. */
  readonly label?: string;
  /** Where it is drawn, if that is a terminal. Default `process.stderr`. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * An `onProgress` that draws a bar until the warm-up is over, and a count where the total is not known. Draws nothing when the stream is no
 * terminal, as in a log or in CI. Needs the package `cli-progress`.
 * @example await cache.warm(ids, load, { onProgress: progressBar() });
 */
export function progressBar(options: ProgressBarOptions = {}): (progress: WarmProgress) => void {
  const { label = 'warming', stream = process.stderr } = options;
  let bar: SingleBar | undefined;
  return ({ done, total, over }) => {
    if (stream.isTTY !== true) return;
    if (bar === undefined) {
      const count = total === undefined ? '{value}' : '[{bar}] {percentage}% {value}/{total} {eta_formatted}';
      // Its signal handlers would come between the program and its own.
      bar = new SingleBar({ format: `${label} ${count}`, stream, gracefulExit: false });
      bar.start(total ?? 0, done);
    } else bar.update(done);
    if (!over) return;
    bar.stop();
    bar = undefined;
  };
}
