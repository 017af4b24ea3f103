import { readFileSync } from 'node:fs';

/**
 * Ends a run in which nothing happens any more: the runner's own limits do not hold for a file that never loads, nor for a test that
 * never gives up the processor. `says` is told first what runs.
 */
export class RunWatchdog {
  readonly #running = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    /** ms */
    private readonly patience: number,
    private readonly says: (running: readonly string[]) => void,
    private readonly end: () => void = endRun,
  ) {}

  begun(file: string): void {
    this.#running.add(file);
    this.sign();
  }

  ended(file: string): void {
    this.#running.delete(file);
    this.sign();
  }

  /** Something happened. */
  sign(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.says([...this.#running]);
      this.end();
    }, this.patience);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** A worker in an endless loop would outlive the run: it does not hear that it is over. */
function endRun(): void {
  for (const pid of children()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  process.exit(1);
}

function children(): number[] {
  try {
    const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
    return pids.trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
