import type { Clock, Timer } from '../clock.js';

/** How often the first of a process in each line asks although nobody told anything, ms, give or take a quarter by chance. */
const askAgainMs = 1_000;

/** How long the nodes that have not handed a lock over are waited for when one has. */
const stragglersMs = 10;

/**
 * The claims of this process that wait, by resource. One that is handed its lock is told; only the first in each line asks in between, for all of
 * them: so the nodes see that the process lives, and what they could not tell, or have lost, is found out.
 */
export class Lines {
  readonly #clock: Clock;
  readonly #lines = new Map<string, Set<Place>>();
  readonly #places = new Map<string, Place>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#places.size;
  }

  join(resource: string, token: string): Place {
    const line = this.#lines.get(resource) ?? new Set();
    this.#lines.set(resource, line);
    const place: Place = new Place(
      this.#clock,
      () => first(line) === place,
      () => this.#leave(resource, token, line),
    );
    line.add(place);
    this.#places.set(token, place);
    return place;
  }

  placeOf(token: string): Place | undefined {
    return this.#places.get(token);
  }

  /** Something may have been missed: the first of each line asks now. */
  wakeFirsts(): void {
    for (const line of this.#lines.values()) first(line)?.wake();
  }

  wakeAll(): void {
    for (const place of this.#places.values()) place.wake();
  }

  #leave(resource: string, token: string, line: Set<Place>): void {
    const place = this.#places.get(token);
    if (place === undefined) return;
    this.#places.delete(token);
    const wasFirst = first(line) === place;
    line.delete(place);
    if (line.size === 0) this.#lines.delete(resource);
    else if (wasFirst) first(line)?.wakeWithin(askAgainMs);
  }
}

function first(line: Set<Place> | undefined): Place | undefined {
  for (const place of line ?? []) return place;
  return undefined;
}

/** One claim that waits. */
export class Place {
  readonly #clock: Clock;
  readonly #isFirst: () => boolean;
  readonly #left: () => void;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isWoken = false;
  #resolve: (() => void) | undefined;
  readonly #by = new Set<object>();

  constructor(clock: Clock, isFirst: () => boolean, left: () => void) {
    this.#clock = clock;
    this.#isFirst = isFirst;
    this.#left = left;
  }

  /**
   * A node has handed the lock over to it. Several do so at about the same time, and it is not worth asking before those are enough; but one of them
   * may be slow, or gone.
   */
  handedOver(by: object, needed: number): void {
    this.#by.add(by);
    if (this.#by.size >= needed) this.wake();
    else this.wakeWithin(stragglersMs);
  }

  /** It has something to ask. */
  wake(): void {
    this.#isWoken = true;
    this.#resolve?.();
  }

  wakeWithin(ms: number): void {
    const at = this.#clock.monotonic() + ms * (0.75 + 0.5 * Math.random());
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.schedule(at - this.#clock.monotonic(), () => this.wake());
  }

  /** Resolves when it was told something, or after `ms`; the first in line also asks again after a while of its own accord. */
  async told(ms: number): Promise<void> {
    if (ms < Number.POSITIVE_INFINITY) this.wakeWithin(ms);
    if (this.#isFirst()) this.wakeWithin(askAgainMs);
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#resolve = undefined;
    this.#isWoken = false;
    this.#by.clear();
    this.#timer?.cancel();
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  get isFirst(): boolean {
    return this.#isFirst();
  }

  leave(): void {
    this.#timer?.cancel();
    this.#left();
    this.wake();
  }
}
