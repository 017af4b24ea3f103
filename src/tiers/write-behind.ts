import { setMaxListeners } from 'node:events';
import type { Clock, Timer } from '../clock.js';
import { ClosedError, QueueFullError } from '../errors.js';
import type { Draft } from './draft.js';
import type { WriteQueue } from './under-way.js';

export interface WriteBehindSettings {
  readonly maxQueued: number;
  readonly batchSize: number;
  /** All in ms. */
  readonly delay: number;
  readonly backOff: number;
  readonly closeTimeout: number;
}

/** The last that was wanted of a key. */
export interface QueuedWrite {
  readonly key: string;
  readonly userKey: string;
  /** Undefined: it is to be removed. */
  readonly draft: Draft | undefined;
}

interface Queued extends QueuedWrite {
  /** In the order of the calls. */
  readonly order: number;
  tries: number;
  /** On the monotonic clock. */
  notBefore: number;
}

export interface WriteBehindParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly settings: WriteBehindSettings;
  /** Whether several values may go at once. */
  readonly batches: boolean;
  /** Gives the source a batch of values, or the removal of one key. Nobody waits for it any more once `ended` aborts. */
  readonly write: (batch: readonly QueuedWrite[], ended: AbortSignal) => Promise<void>;
  readonly onFailure: (batch: readonly QueuedWrite[], error: unknown) => void;
  /** Told at the end, if there is something. */
  readonly onUnwritten: (left: readonly QueuedWrite[], error: unknown) => void;
}

/** Who waits for the keys to be written: for what was wanted of each by then, or something newer. */
interface Waiter {
  readonly left: Map<string, number>;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * What the source is to be given later: the last value of each key, never two of one key at a time, and again until it takes it. What is written is in
 * the queue until the source has acknowledged it, and whatever is left at the end is told.
 */
export class WriteBehind implements WriteQueue {
  readonly #parts: WriteBehindParts;
  readonly #queued = new Map<string, Queued>();
  readonly #running = new Map<string, Queued>();
  /** How many writes to the tiers are under way for a key: the source comes after them, or an older value might reach L2 last. */
  readonly #entering = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();
  #order = 0;
  #jobs = 0;
  #timer: (Timer & { readonly due: number }) | undefined;
  #lastError: unknown;
  readonly #end = new AbortController();

  constructor(parts: WriteBehindParts) {
    this.#parts = parts;
    setMaxListeners(mostJobs, this.#end.signal);
  }

  get pending(): number {
    let both = 0;
    for (const key of this.#running.keys()) if (this.#queued.has(key)) both += 1;
    return this.#queued.size + this.#running.size - both;
  }

  /** What is wanted of the key, if the source has not acknowledged it yet. */
  find(key: string): QueuedWrite | undefined {
    return this.#queued.get(key) ?? this.#running.get(key);
  }

  /** @throws QueueFullError if it is not to hold so many keys more */
  assertRoom(keys: readonly string[]): void {
    const { maxQueued } = this.#parts.settings;
    const added = keys.filter((key) => this.find(key) === undefined).length;
    if (added === 0 || this.pending + added <= maxQueued) return;
    throw new QueueFullError(
      `${this.pending} writes wait for the source, and ${maxQueued} may. Try again later, or raise maxQueued. Nothing was changed.`,
    );
  }

  /** Queues them at once, so that they keep the order of the calls; the source is asked when the tiers have settled. */
  async add(writes: readonly QueuedWrite[], enterTiers: () => Promise<unknown>): Promise<void> {
    const { clock, settings } = this.#parts;
    const notBefore = clock.monotonic() + settings.delay;
    const added = writes.map((write) => {
      this.#order += 1;
      const before = this.#queued.get(write.key);
      // A key that is written all the time must not wait for ever.
      const item = { ...write, order: this.#order, tries: before?.tries ?? 0, notBefore: before?.notBefore ?? notBefore };
      this.#queued.set(write.key, item);
      this.#entering.set(write.key, (this.#entering.get(write.key) ?? 0) + 1);
      return { item, before };
    });
    try {
      await enterTiers();
    } catch (error) {
      // The caller is told that it was not done, as with a value that cannot be encoded.
      for (const { item, before } of added) {
        if (this.#queued.get(item.key) !== item) continue;
        if (before === undefined) this.#queued.delete(item.key);
        else this.#queued.set(item.key, before);
      }
      throw error;
    } finally {
      let due = Number.POSITIVE_INFINITY;
      for (const { key } of writes) {
        const left = (this.#entering.get(key) ?? 1) - 1;
        if (left === 0) this.#entering.delete(key);
        else this.#entering.set(key, left);
        due = Math.min(due, this.#queued.get(key)?.notBefore ?? due);
      }
      if (due < Number.POSITIVE_INFINITY) this.#wakeAt(due);
    }
  }

  flush(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    if (this.#end.signal.aborted) return Promise.reject(this.#unwritten());
    return new Promise((resolve, reject) => {
      const left = new Map<string, number>();
      for (const { key, order } of [...this.#running.values(), ...this.#queued.values()]) left.set(key, order);
      this.#waiters.add({ left, resolve, reject });
      this.#hurry();
    });
  }

  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    const { clock, settings, onUnwritten } = this.#parts;
    this.#hurry();
    if (this.pending > 0) {
      await new Promise<void>((resolve) => {
        const bound = clock.schedule(settings.closeTimeout, resolve, 'awaited');
        const over = () => {
          if (this.pending > 0 && !this.#end.signal.aborted) return this.#waitAgain(over);
          bound.cancel();
          resolve();
        };
        this.#waitAgain(over);
      });
    }
    this.#end.abort();
    this.#timer?.cancel();
    for (const waiter of this.#waiters) waiter.reject(this.#unwritten());
    this.#waiters.clear();
    const left = [...new Map([...this.#running, ...this.#queued]).values()];
    if (left.length > 0) onUnwritten(left, this.#lastError);
  }

  #unwritten(): ClosedError {
    return new ClosedError(
      'The cache was closed before the source had all that was queued. The event source:unwritten tells what.',
      {
        cause: this.#lastError,
      },
    );
  }

  /** Until all that is there now is written or has failed once. */
  #waitAgain(over: () => void): void {
    const left = new Map(Array.from([...this.#running.values(), ...this.#queued.values()], ({ key, order }) => [key, order]));
    this.#waiters.add({ left, resolve: over, reject: over });
  }

  #hurry(): void {
    for (const item of this.#queued.values()) item.notBefore = 0;
    this.#pump();
  }

  #pump(): void {
    if (this.#end.signal.aborted) return;
    while (this.#jobs < mostJobs) {
      const batch = this.#next();
      if (batch.length === 0) break;
      void this.#run(batch);
    }
    // With no place for a job, the end of one goes on; and to look through the whole queue each time would cost more than the jobs.
    if (this.#jobs >= mostJobs) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { key, notBefore } of this.#queued.values()) {
      if (!this.#isBusy(key)) earliest = Math.min(earliest, notBefore);
    }
    if (earliest < Number.POSITIVE_INFINITY) this.#wakeAt(earliest);
  }

  #isBusy(key: string): boolean {
    return this.#running.has(key) || this.#entering.has(key);
  }

  /** What failed together is tried again by halves, so that one value that the source will never take holds up none but itself. */
  #next(): Queued[] {
    const now = this.#parts.clock.monotonic();
    const batch: Queued[] = [];
    let most = 1;
    for (const item of this.#queued.values()) {
      if (item.notBefore > now || this.#isBusy(item.key)) continue;
      if (item.draft === undefined || !this.#parts.batches) {
        if (batch.length === 0) return [item];
        continue;
      }
      if (batch.length === 0) most = Math.max(1, Math.floor(this.#parts.settings.batchSize / 2 ** item.tries));
      else if (item.tries !== batch[0]?.tries) continue;
      batch.push(item);
      if (batch.length >= most) break;
    }
    return batch;
  }

  async #run(batch: readonly Queued[]): Promise<void> {
    this.#jobs += 1;
    for (const item of batch) {
      this.#queued.delete(item.key);
      this.#running.set(item.key, item);
    }
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.#parts.write(batch, this.#end.signal);
    } catch (error) {
      failure = { error };
    }
    this.#jobs -= 1;
    for (const item of batch) {
      this.#running.delete(item.key);
      if (failure !== undefined) this.#putBack(item);
    }
    if (failure !== undefined) {
      this.#lastError = failure.error;
      this.#parts.onFailure(batch, failure.error);
    }
    this.#tell(batch, failure);
    this.#pump();
  }

  /** At the end of the queue, unless something newer is wanted of the key already: then that, and it waits as long. */
  #putBack(item: Queued): void {
    const { clock, random, settings } = this.#parts;
    const pause = Math.min(settings.backOff * 2 ** item.tries, longestBackOffMs);
    const newest = this.#queued.get(item.key) ?? item;
    this.#queued.delete(item.key);
    newest.tries = item.tries + 1;
    newest.notBefore = clock.monotonic() + pause * (0.5 + random() / 2);
    this.#queued.set(item.key, newest);
  }

  #tell(batch: readonly Queued[], failure: { readonly error: unknown } | undefined): void {
    for (const waiter of [...this.#waiters]) {
      for (const { key, order } of batch) {
        const wanted = waiter.left.get(key);
        if (wanted === undefined || order < wanted) continue;
        if (failure === undefined) waiter.left.delete(key);
        else {
          this.#waiters.delete(waiter);
          waiter.reject(failure.error);
          break;
        }
      }
      if (waiter.left.size > 0 || !this.#waiters.delete(waiter)) continue;
      waiter.resolve();
    }
  }

  #wakeAt(due: number): void {
    const { clock } = this.#parts;
    if (this.#end.signal.aborted || (this.#timer !== undefined && this.#timer.due <= due)) return;
    this.#timer?.cancel();
    const timer = clock.schedule(
      Math.max(0, due - clock.monotonic()),
      () => {
        this.#timer = undefined;
        this.#pump();
      },
      // A process that has nothing else to do waits until the source has it.
      'awaited',
    );
    this.#timer = { due, cancel: () => timer.cancel() };
  }
}

/** Calls of the source at once. */
const mostJobs = 16;
const longestBackOffMs = 30_000;
