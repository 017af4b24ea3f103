import type { Clock, Timer } from '../clock.js';
import { spaceLabel } from '../entries/labels.js';
import { BackendError, isOutage } from '../errors.js';
import type { Store, Versions } from '../store.js';
import { bumpTags } from './bump-tags.js';
import { allBut, type Intent } from './intent.js';
import type { Journal } from './journal.js';

export interface ReplaySettings {
  readonly journal: Journal;
  /** Asked directly: it is not for what is sent here to say whether L2 is there, except in the trial of the circuit. */
  readonly store: Store;
  readonly clock: Clock;
  /** How long one request may take, ms. */
  readonly budget: number;
  /** Whether L2 may be asked now. */
  readonly isOpenToCalls: () => boolean;
  /** What L2 has acknowledged goes from memory too: it may have been changed by others meanwhile, unheard. */
  readonly settle: (intent: Intent) => void;
  /** The journal is empty again. */
  readonly done: () => void;
}

const shortestPause = 20;
const longestPause = 2_000;

/**
 * Sends again what the journal holds, until L2 has acknowledged it. Every request is one that does no harm however often and whenever it is
 * executed: names are invalidated, and never is a value written, since somebody else may have written a newer one.
 */
export class Replay {
  readonly #settings: ReplaySettings;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #lastError: unknown;
  #closed = false;

  constructor(settings: ReplaySettings) {
    this.#settings = settings;
  }

  /** Why the last try did not deliver everything. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Something is to be sent. While the circuit is open nothing is: its trial sends it first of all. */
  soon(): void {
    if (this.#closed || this.#timer !== undefined || this.#running !== undefined) return;
    if (!this.#settings.isOpenToCalls()) return;
    const pause = Math.min(longestPause, shortestPause * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    this.#timer = this.#settings.clock.schedule(pause, () => {
      this.#timer = undefined;
      if (this.#settings.isOpenToCalls()) this.#run().catch(() => undefined);
    });
  }

  /** For the trial of a circuit. Rejects when L2 is away, again or still; what it refuses for another reason is tried again later. */
  async recover(): Promise<void> {
    await this.#run();
  }

  /** One more try, and then no more. */
  async close(ms: number): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#settings.journal.size === 0) return;
    const { clock } = this.#settings;
    const until = clock.monotonic() + ms;
    await new Promise<void>((resolve) => {
      const bound = clock.schedule(ms, resolve, 'awaited');
      this.#runLast(until)
        .catch(() => undefined)
        .finally(() => {
          bound.cancel();
          resolve();
        });
    });
  }

  /** What was noted while it was sending already is sent too. */
  async #runLast(until: number): Promise<void> {
    await this.#running;
    if (this.#settings.clock.monotonic() < until) await this.#run(until);
  }

  #run(until = Number.POSITIVE_INFINITY): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running ??= this.#sendAll(until).finally(() => {
      this.#running = undefined;
      if (this.#settings.journal.size > 0) this.soon();
    });
    return this.#running;
  }

  async #sendAll(until: number): Promise<void> {
    const { journal, clock, budget, done } = this.#settings;
    if (journal.size === 0) return;
    let failure: unknown;
    const intents = journal.intents();
    // As of the list: what is noted while it is sent may ask for more than is in it.
    const before = journal.generation;
    for (const intent of intents) {
      try {
        await this.#send(intent, Math.min(until, clock.monotonic() + budget));
        this.#acknowledged(intent, before);
      } catch (error) {
        failure = error;
        const sent = error instanceof BackendError ? allBut(intent, error.failedKeys) : undefined;
        if (sent !== undefined) this.#acknowledged(sent, before);
        // A node that is away keeps its names; those of the others need not wait for it.
        if (!isOutage(error)) continue;
        if (!error.partial) break;
        intents.push(...halvesOf(intent));
      }
    }
    const isDelivered = journal.size === 0;
    this.#lastError = isDelivered ? undefined : failure;
    this.#failures = isDelivered || failure === undefined ? 0 : this.#failures + 1;
    if (isDelivered) done();
    if (isOutage(failure) && !failure.partial) throw failure;
  }

  #acknowledged(intent: Intent, before: number): void {
    if (this.#settings.journal.acknowledged(intent, before)) this.#settings.settle(intent);
  }

  async #send(intent: Intent, deadline: number): Promise<void> {
    const { store, clock, budget } = this.#settings;
    switch (intent.kind) {
      case 'key':
        await store.soften(intent.key, deadline);
        break;
      case 'keys':
        await store.retract(intent.keys, deadline);
        break;
      case 'labels':
        await bumpTags(store.versions as Versions, intent.labels, intent.soft, deadline);
        break;
      case 'pattern':
        await store.removeMatching(intent.prefix, intent.glob, () => clock.monotonic() + budget);
        break;
      case 'everything':
        if (store.versions === undefined) await store.removeMatching('', '*', () => clock.monotonic() + budget);
        else await store.versions.bump([spaceLabel('')], false, deadline);
    }
  }
}

/** Of several labels only one may be where it cannot be told; the others need not wait. */
function halvesOf(intent: Intent): Intent[] {
  if (intent.kind !== 'labels' || intent.labels.length === 1) return [];
  const { labels } = intent;
  const middle = labels.length >> 1;
  return [labels.slice(0, middle), labels.slice(middle)].map((half) => ({ ...intent, labels: half }));
}
