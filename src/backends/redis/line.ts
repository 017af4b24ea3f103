import type { Command, Reply } from './connection.js';
import type { Link, Lost, Sender } from './driver.js';
import { StallWatch } from './stall-watch.js';

/** A link with the watch over what it has in flight. */
export class Line {
  readonly #link: Link;
  readonly #watch: StallWatch;

  constructor(link: Link, stallTimeout: number, lost: Lost) {
    this.#link = link;
    this.#watch = new StallWatch(stallTimeout, () => lost(new Error(`not a single reply for ${stallTimeout} ms`)));
  }

  open(): Promise<void> {
    return this.#link.open();
  }

  masters(): readonly Sender[] {
    return this.#link.masters();
  }

  /** Exactly one of the two is called, never before this returns. */
  send(command: Command, answered: (reply: Reply) => void, failed: (error: unknown) => void, to: Sender = this.#link): void {
    this.#watch.sent();
    sendSafely(to, command).then(
      (reply) => {
        this.#watch.answered();
        answered(reply);
      },
      (error: unknown) => {
        this.#watch.answered();
        failed(error);
      },
    );
  }

  destroy(): void {
    this.#watch.stop();
    this.#link.destroy();
  }
}

function sendSafely(to: Sender, command: Command): Promise<Reply> {
  try {
    return to.send(command);
  } catch (error) {
    return Promise.reject(error);
  }
}
