/** A wait for news of one key. */
export interface WakeUp {
  /** Called at once if it rang already. */
  onRing: (() => void) | undefined;
  cancel(): void;
}

/** Who waits for another process to fill a key, to be woken by its message. */
export class WakeUps {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Register before asking for what may be refused, or the news may come between the refusal and the wait. */
  register(key: string): WakeUp {
    let rang = false;
    let onRing: (() => void) | undefined;
    const ring = () => {
      rang = true;
      onRing?.();
    };
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(ring));
    return {
      get onRing() {
        return onRing;
      },
      set onRing(listener) {
        onRing = listener;
        if (rang) listener?.();
      },
      cancel: () => {
        if (waiting.delete(ring) && waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      },
    };
  }

  ring(key: string): void {
    for (const ring of [...(this.#waiting.get(key) ?? [])]) ring();
  }

  ringAll(): void {
    for (const key of [...this.#waiting.keys()]) this.ring(key);
  }

  /** How many keys are waited for; 0 at rest. */
  get size(): number {
    return this.#waiting.size;
  }
}
