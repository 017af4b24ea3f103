import type { TieredCache } from '../../cache.js';
import type { Timer } from '../../clock.js';
import { Looker } from './looker.js';
import type { Findings, Mismatch } from './mismatch.js';
import type { AuditSettings } from './options.js';
import { lasting, type Suspicion, suspicionsIn } from './suspicions.js';

/** Plain integers since it began. `sampled` is `matched + mismatched + skipped + pending`. */
export interface AuditStats {
  readonly sampled: number;
  /** `matched + mismatched`. */
  readonly checked: number;
  readonly matched: number;
  readonly mismatched: number;
  /** Not judged: no longer cached, L2 or the source away, or changed again each time. */
  readonly skipped: number;
  /** Never looked at, since `maxPending` others waited. */
  readonly dropped: number;
  readonly pending: number;
}

/** A key that changes between any two looks is left alone after so many. */
const mostLooks = 4;

interface Check {
  readonly key: string;
  due: number;
  looks: number;
  /** Of the look before, and when that was. */
  suspicions: readonly Suspicion[];
  seenAt: number;
}

/** Keys that wait for their look, a few looks at a time, and what came of them. */
export class Audit {
  readonly #settings: AuditSettings;
  readonly #looker: Looker;
  /** In the order of their time, since all wait equally long. */
  readonly #waiting = new Map<string, Check>();
  readonly #looking = new Map<string, Promise<void>>();
  readonly #counts = { sampled: 0, matched: 0, mismatched: 0, skipped: 0, dropped: 0 };
  #timer: Timer | undefined;
  #closed = false;

  constructor(cache: TieredCache, settings: AuditSettings) {
    this.#settings = settings;
    this.#looker = new Looker(cache, settings);
  }

  stats(): AuditStats {
    const { matched, mismatched } = this.#counts;
    return { ...this.#counts, checked: matched + mismatched, pending: this.#waiting.size + this.#looking.size };
  }

  sample(key: string): void {
    const { sample, keys, maxPending } = this.#settings;
    if (sample < 1 && Math.random() >= sample) return;
    // Its own looks are hits too, of keys that are being looked at.
    if (this.#waiting.has(key) || this.#looking.has(key) || !keys(key)) return;
    if (this.#waiting.size + this.#looking.size >= maxPending) {
      this.#counts.dropped += 1;
      return;
    }
    this.#counts.sampled += 1;
    this.#wait({ key, due: 0, looks: 0, suspicions: [], seenAt: 0 });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#counts.skipped += this.#waiting.size;
    this.#waiting.clear();
    this.#looker.close();
    await Promise.all(this.#looking.values());
  }

  #wait(check: Check): void {
    const { clock, after } = this.#settings;
    check.due = clock.monotonic() + after;
    this.#waiting.set(check.key, check);
    if (this.#timer === undefined) this.#next();
  }

  #next(): void {
    const { clock, concurrency } = this.#settings;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#closed) return;
    for (const check of this.#waiting.values()) {
      if (this.#looking.size >= concurrency) return;
      const early = check.due - clock.monotonic();
      if (early > 0) {
        this.#timer = clock.schedule(early, () => this.#next());
        return;
      }
      this.#waiting.delete(check.key);
      this.#looking.set(check.key, this.#look(check));
    }
  }

  async #look(check: Check): Promise<void> {
    const outcome = await this.#judge(check).catch(() => 'skipped' as const);
    this.#looking.delete(check.key);
    if (outcome === 'again' && !this.#closed) this.#wait(check);
    else this.#counts[outcome === 'again' ? 'skipped' : outcome] += 1;
    this.#next();
  }

  async #judge(check: Check): Promise<'matched' | 'mismatched' | 'skipped' | 'again'> {
    const { clock, after } = this.#settings;
    const { key } = check;
    // A process that did not run has heard nothing meanwhile: it needs the time that it was not given.
    if (clock.monotonic() - check.due > after / 2) return 'again';
    const found = await this.#looker.look(key);
    const suspicions = found && suspicionsIn(found, key, this.#settings);
    if (found === undefined || suspicions === undefined) return 'skipped';
    if (suspicions.length === 0) return 'matched';
    const [proved] = await this.#looker.stillThere(key, lasting(suspicions, check.suspicions));
    if (this.#closed) return 'skipped';
    if (proved !== undefined) {
      this.#tell(key, proved, found, clock.monotonic() - check.seenAt);
      return 'mismatched';
    }
    check.looks += 1;
    if (check.looks === mostLooks) return 'skipped';
    check.suspicions = suspicions;
    check.seenAt = clock.monotonic();
    return 'again';
  }

  #tell(key: string, { tier, against, entry }: Suspicion, found: Findings, lastedMs: number): void {
    const { clock, onMismatch } = this.#settings;
    const mismatch: Mismatch = { key, tier, against, found, lastedMs, ageMs: clock.now() - entry.createdAt };
    const warn = (error: unknown) =>
      process.emitWarning(`onMismatch of an auditor failed: ${String(error)}`, 'TierkeepWarning');
    try {
      const returned = onMismatch(mismatch);
      if (returned instanceof Promise) returned.catch(warn);
    } catch (error) {
      warn(error);
    }
  }
}
