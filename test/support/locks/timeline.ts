import type { Timer } from '../../../src/clock.js';

interface Happening {
  readonly at: number;
  readonly run: () => void;
}

/** Simulated time: what is due happens one by one, and everything that follows from it at once has happened before the next. */
export class Timeline {
  #now = 0;
  readonly #due = new Set<Happening>();

  get now(): number {
    return this.#now;
  }

  schedule(ms: number, run: () => void): Timer {
    const happening = { at: this.#now + Math.max(0, ms), run };
    this.#due.add(happening);
    return { cancel: () => this.#due.delete(happening) };
  }

  /** False when nothing is due any more. */
  async step(): Promise<boolean> {
    let next: Happening | undefined;
    for (const each of this.#due) if (next === undefined || each.at < next.at) next = each;
    if (next === undefined) return false;
    this.#due.delete(next);
    this.#now = next.at;
    next.run();
    await new Promise(setImmediate);
    return true;
  }
}
