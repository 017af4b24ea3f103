import type { Clock, Timer } from '../clock.js';
import type { Bus } from './bus.js';
import { type Epochs, endEpoch } from './epochs.js';

export interface TrustSettings {
  readonly clock: Clock;
  /** How long after its acknowledgement an invalidation may go unheard, ms. */
  readonly maxStaleness: number;
  /** Called when trust is gained or lost, and when it goes on but not for what is in L1 now. */
  readonly changed: (trusted: boolean, reason: unknown) => void;
}

/**
 * Whether copies in L1 may be served without asking L2. A silent bus and a broken one look alike, so trust is never assumed: it lasts
 * `maxStaleness` from the moment at which a proof was asked for, and a new proof is asked for at a quarter of that. Whatever was
 * acknowledged before that moment has been heard, so no copy is served that was invalidated longer ago than `maxStaleness`.
 */
export class Trust {
  readonly #bus: Bus;
  readonly #epochs: Epochs;
  readonly #settings: TrustSettings;
  #lastEpoch = 0;
  /** Grows when the bus is lost, so that proofs asked for before count for nothing. */
  #spell = 0;
  #since: number;
  #reason: unknown;
  #next: Timer | undefined;
  #end: Timer | undefined;
  #judged: () => void = () => {};
  /** Settles when trust was gained or denied for the first time. */
  readonly judged: Promise<void>;

  constructor(bus: Bus, epochs: Epochs, settings: TrustSettings) {
    this.#bus = bus;
    this.#epochs = epochs;
    this.#settings = settings;
    this.#since = settings.clock.now();
    this.judged = new Promise((resolve) => {
      this.#judged = resolve;
    });
  }

  get trusted(): boolean {
    return this.#epochs.current !== 0;
  }

  /** When it became so, ms since the epoch. */
  get since(): number {
    return this.#since;
  }

  /** Why there is no trust. */
  get reason(): unknown {
    return this.#reason;
  }

  listening(): void {
    this.#spell += 1;
    this.#stopTimers();
    void this.#prove(this.#spell);
  }

  lost(reason: unknown): void {
    this.#spell += 1;
    this.#stopTimers();
    this.#distrust(reason);
  }

  /** Something was heard that may concern any key: all copies are to be verified, but what comes now can be trusted. */
  startAnew(reason: unknown): void {
    if (!this.trusted) return;
    this.#enter();
    this.#settings.changed(true, reason);
  }

  close(): void {
    this.#spell += 1;
    this.#stopTimers();
    this.#epochs.current = 0;
    this.#epochs.serving = -1;
    this.#judged();
  }

  async #prove(spell: number): Promise<void> {
    const { clock, maxStaleness } = this.#settings;
    const asked = clock.monotonic();
    let failure: { readonly reason: unknown } | undefined;
    try {
      await this.#bus.prove(asked + maxStaleness);
    } catch (reason) {
      failure = { reason };
    }
    if (spell !== this.#spell) return;
    const now = clock.monotonic();
    if (failure !== undefined) this.#distrust(failure.reason);
    else if (now < asked + maxStaleness) this.#trustFor(asked + maxStaleness - now);
    this.#next = clock.schedule(Math.max(0, asked + maxStaleness / 4 - now), () => void this.#prove(spell));
  }

  #trustFor(ms: number): void {
    this.#end?.cancel();
    this.#end = this.#settings.clock.schedule(ms, () => this.#distrust(new Error('the bus was not proved in time')));
    if (this.trusted) return;
    this.#enter();
    this.#reason = undefined;
    this.#since = this.#settings.clock.now();
    this.#settings.changed(true, undefined);
    this.#judged();
  }

  #enter(): void {
    if (this.trusted) endEpoch(this.#epochs, this.#lastEpoch, this.#settings.clock.monotonic());
    this.#lastEpoch += 1;
    this.#epochs.current = this.#lastEpoch;
    this.#epochs.serving = this.#lastEpoch;
  }

  #distrust(reason: unknown): void {
    this.#end?.cancel();
    this.#reason = reason;
    this.#judged();
    if (!this.trusted) return;
    endEpoch(this.#epochs, this.#lastEpoch, this.#settings.clock.monotonic());
    this.#epochs.current = 0;
    this.#epochs.serving = -1;
    this.#since = this.#settings.clock.now();
    this.#settings.changed(false, reason);
  }

  #stopTimers(): void {
    this.#next?.cancel();
    this.#end?.cancel();
  }
}
