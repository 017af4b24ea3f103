import type { Clock } from '../clock.js';

/** Calls that take several steps in L2, so that closing waits for their last step and not only for what is sent already. */
export class UnderWay {
  #count = 0;
  #onOver: (() => void) | undefined;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onOver?.();
  }

  /** Settles when all that began has ended, or after `ms`. */
  async over(clock: Clock, ms: number): Promise<void> {
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
