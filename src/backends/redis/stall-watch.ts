/**
 * Sees that a server which has commands of ours gives no reply at all for `limit` ms: frozen, or behind a network that swallows
 * everything. Looks four times per limit and counts looks without news, so that a send or a reply costs no clock call, and a pause
 * of this process (one late look) is not taken for a silence of the server.
 */
export class StallWatch {
  readonly #lookEvery: number;
  readonly #stalled: () => void;
  readonly #silent: () => void;
  #inFlight = 0;
  #answers = 0;
  #answersSeen = 0;
  #silentLooks = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `silent` is called at each look without news. */
  constructor(limit: number, stalled: () => void, silent: () => void = () => {}) {
    this.#lookEvery = Math.max(limit / 4, 1);
    this.#stalled = stalled;
    this.#silent = silent;
  }

  get idle(): boolean {
    return this.#inFlight === 0;
  }

  /** How many answers there have been. */
  get answers(): number {
    return this.#answers;
  }

  sent(): void {
    this.#inFlight++;
    if (this.#timer !== undefined) return;
    this.#silentLooks = 0;
    this.#answersSeen = this.#answers;
    this.#timer = setTimeout(() => this.#look(), this.#lookEvery);
    this.#timer.unref();
  }

  answered(): void {
    this.#inFlight--;
    this.#answers++;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    if (this.#inFlight === 0) {
      this.#timer = undefined;
      return;
    }
    this.#silentLooks = this.#answers === this.#answersSeen ? this.#silentLooks + 1 : 0;
    this.#answersSeen = this.#answers;
    if (this.#silentLooks === 4) {
      this.#timer = undefined;
      this.#stalled();
      return;
    }
    this.#timer?.refresh();
    if (this.#silentLooks > 0) this.#silent();
  }
}
