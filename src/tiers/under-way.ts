import type { Clock } from '../clock.js';

/** What is to be written somewhere yet. */
export interface WriteQueue {
  readonly pending: number;
  /** Writes what it can within its own bound, and tells what it could not. Never rejects. */
  close(): Promise<void>;
}

/** Calls that take several steps in L2, so that closing waits for their last step and not only for what is sent already. */
export class UnderWay {
  /** What they leave to be written later. */
  readonly queues = new Set<WriteQueue>();
  #count = 0;
  #onOver: (() => void) | undefined;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onOver?.();
  }

  /** Settles when the queues are closed and all that began has ended, or after `ms` more. */
  async over(clock: Clock, ms: number): Promise<void> {
    if (this.queues.size > 0) await Promise.all(Array.from(this.queues, (queue) => queue.close()));
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(ms, resolve, 'awaited');
      this.#onOver = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
