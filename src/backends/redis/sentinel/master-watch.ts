import { type Address, addressText, mapped, type NatMap, sameAddress } from '../address.js';
import type { Driver } from '../driver.js';
import { Superseded } from '../superseded.js';
import { tell } from '../tell.js';
import type { Answer } from './ask-sentinel.js';
import { type Promotion, watchPromotion } from './promotion.js';
import { SentinelEars, type SentinelEarsSettings } from './sentinel-ears.js';
import type { Sentinels } from './sentinels.js';

/** A link to a master, or one on its way there. */
export interface Follower {
  readonly at: Address;
  lost(reason: unknown): void;
}

export interface MasterWatchSettings extends Omit<SentinelEarsSettings, 'heard' | 'listening'> {
  readonly name: string;
  readonly natMap: NatMap | undefined;
  readonly sentinels: Sentinels;
  readonly nodes: Driver;
}

/** Sentinels hear of a fail-over one after the other: for so long, ms, one that knows an older configuration is behind the times. */
const lag = 10_000;

/** A promotion that takes longer, ms, is left to the Sentinels. */
const promotionTakes = 3_000;

/** Knows where the master is, and takes links away from one that was replaced. Idle until it is first asked. */
export class MasterWatch {
  readonly #settings: MasterWatchSettings;
  readonly #ears: SentinelEars;
  readonly #followers = new Set<Follower>();
  readonly #listeners = new Set<() => void>();
  #current: Answer | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #finding: Promise<Answer> | undefined;
  #promotion: Promotion | undefined;
  #hints = 0;

  constructor(settings: MasterWatchSettings) {
    this.#settings = settings;
    this.#ears = new SentinelEars({
      ...settings,
      heard: (channel, message) => this.#heard(channel, message),
      listening: (sentinel) => this.#catchUp(sentinel),
    });
  }

  /** Asks the Sentinels, together with whoever else wants to know now. */
  find(): Promise<Answer> {
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  /** Asks again because something does not look right. */
  check(): void {
    this.find().catch(() => {});
  }

  /** It says itself that it is no master, so whoever called it one is wrong. */
  refute(at: Address): void {
    if (this.#current !== undefined && sameAddress(this.#current.master, at)) this.#current = undefined;
  }

  join(follower: Follower): void {
    this.#followers.add(follower);
  }

  leave(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** The listener is called when there is a new master. */
  onNews(listener: () => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#promotion?.cancel();
    this.#ears.close();
    this.#settings.sentinels.close();
  }

  async #find(): Promise<Answer> {
    const { sentinels } = this.#settings;
    for (;;) {
      const hints = this.#hints;
      const found = await sentinels.ask();
      this.#ears.listenTo(sentinels.all);
      // What was asked before a Sentinel told of a change may be what was true before it.
      if (hints === this.#hints) return this.#believe(found);
    }
  }

  #believe(answer: Answer): Answer {
    const before = this.#current;
    if (before !== undefined && answer.epoch < before.epoch && performance.now() - this.#toldAt < lag) return before;
    this.#current = answer;
    this.#toldAt = performance.now();
    if (before !== undefined && !sameAddress(before.master, answer.master)) {
      this.#moved((follower) => !sameAddress(follower.at, answer.master), answer.master);
    }
    return answer;
  }

  #catchUp(sentinel: Address): void {
    this.#settings.sentinels.askOne(sentinel).then(
      (answer) => this.#believe(answer),
      () => {},
    );
  }

  #heard(channel: string, message: string): void {
    const { name } = this.#settings;
    const words = message.split(' ');
    if (channel === '+switch-master') {
      // 'primary 10.0.0.1 6379 10.0.0.2 6379'
      if (words[0] !== name) return;
      const [from, to] = [this.#addressIn(words, 1), this.#addressIn(words, 3)];
      this.#hints++;
      // A Sentinel may tell of it late, when the next fail-over is over too: only what it took from the old one is known to be wrong.
      this.#moved((follower) => sameAddress(follower.at, from), to);
      this.check();
    } else if (words[4] === '@' && words[5] === name) {
      // 'slave 10.0.0.2:6379 10.0.0.2 6379 @ primary 10.0.0.1 6379'
      if (channel === '+failover-state-wait-promotion') {
        this.#expect(this.#addressIn(words, 2));
      } else {
        this.#hints++;
        this.check();
      }
    }
  }

  #expect(at: Address): void {
    this.#promotion?.cancel();
    const promotion = watchPromotion(this.#settings.nodes, at, promotionTakes);
    this.#promotion = promotion;
    void promotion.came.then((came) => {
      const before = this.#current;
      if (!came || this.#promotion !== promotion || before === undefined || sameAddress(before.master, at)) return;
      // Above what the Sentinels know until they have seen it, below what they know then.
      this.#believe({ master: at, epoch: before.epoch + 0.5, others: [] });
    });
  }

  #addressIn(words: readonly string[], index: number): Address {
    return mapped({ host: String(words[index]), port: Number(words[index + 1]) }, this.#settings.natMap);
  }

  #moved(from: (follower: Follower) => boolean, to: Address): void {
    const reason = new Superseded(`the Sentinels make ${addressText(to)} the master`);
    for (const follower of [...this.#followers]) if (from(follower)) follower.lost(reason);
    for (const listener of [...this.#listeners]) tell(listener);
  }
}
