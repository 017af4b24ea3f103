import type { Command, Reply } from './connection.js';
import type { Link, Lost, Sender } from './driver.js';
import { StallWatch } from './stall-watch.js';

/** A link with the watch over what it has in flight. */
export class Line {
  readonly #link: Link;
  readonly #watch: StallWatch;
  /** Which server is at the other end, where it tells. */
  identity: string | undefined;
  #finishing: NodeJS.Timeout | undefined;
  #answeredLate: () => void = () => {};

  constructor(link: Link, stallTimeout: number, lost: Lost) {
    this.#link = link;
    this.#watch = new StallWatch(
      stallTimeout,
      () => lost(new Error(`not a single reply for ${stallTimeout} ms`)),
      () => link.silent?.(),
    );
  }

  /** Grows with every answer, so that whoever waits can see whether the server has said anything since. */
  get answers(): number {
    return this.#watch.answers;
  }

  open(): Promise<void> {
    return this.#link.open();
  }

  masters(): readonly Sender[] {
    return this.#link.masters();
  }

  /** Several commands follow in this tick. */
  gather(): void {
    this.#link.gather?.();
  }

  /** Exactly one of the two is called, never before this returns. */
  send(command: Command, answered: (reply: Reply) => void, failed: (error: unknown) => void, to: Sender = this.#link): void {
    this.#watch.sent();
    sendSafely(to, command).then(
      (reply) => {
        this.#watch.answered();
        answered(reply);
        if (this.#finishing === undefined) return;
        this.#answeredLate();
        this.#endIfIdle();
      },
      (error: unknown) => {
        this.#watch.answered();
        this.#link.failed?.(error);
        failed(error);
        if (this.#finishing !== undefined) this.#endIfIdle();
      },
    );
  }

  /**
   * Ends it when what is in flight has been answered, after `ms` at the latest. It must be given no more. `answered` is told of each
   * answer.
   */
  finish(ms: number, answered: () => void): void {
    this.#answeredLate = answered;
    this.#finishing = setTimeout(() => this.destroy(), ms);
    this.#finishing.unref();
    this.#endIfIdle();
  }

  destroy(): void {
    clearTimeout(this.#finishing);
    this.#watch.stop();
    this.#link.destroy();
  }

  #endIfIdle(): void {
    if (this.#watch.idle) this.destroy();
  }
}

function sendSafely(to: Sender, command: Command): Promise<Reply> {
  try {
    return to.send(command);
  } catch (error) {
    return Promise.reject(error);
  }
}
