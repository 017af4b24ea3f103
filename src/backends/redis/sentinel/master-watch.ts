import { type Address, addressText, mapped, type NatMap, sameAddress } from '../address.js';
import { Superseded } from '../superseded.js';
import { tell } from '../tell.js';
import type { Answer } from './ask-sentinel.js';
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
}

/** Sentinels hear of a fail-over one after the other: for so long, ms, one that knows an older configuration is behind the times. */
const lag = 10_000;

/** Knows where the master is, and takes links away from one that was replaced. Idle until it is first asked. */
export class MasterWatch {
  readonly #settings: MasterWatchSettings;
  readonly #ears: SentinelEars;
  readonly #followers = new Set<Follower>();
  readonly #listeners = new Set<() => void>();
  #current: Answer | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #finding: Promise<Answer> | undefined;
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
    const { name, natMap } = this.#settings;
    const [master, ...words] = message.split(' ');
    if (channel === '+switch-master') {
      if (master !== name) return;
      const [from, to] = [addressIn(words.slice(0, 2)), addressIn(words.slice(2, 4))].map((each) => mapped(each, natMap));
      this.#hints++;
      // A Sentinel may tell of it late, when the next fail-over is over too: only what it took from the old one is known to be wrong.
      if (from !== undefined && to !== undefined) this.#moved((follower) => sameAddress(follower.at, from), to);
    } else if (message.includes(` @ ${name} `)) {
      this.#hints++;
    } else return;
    this.check();
  }

  #moved(from: (follower: Follower) => boolean, to: Address): void {
    const reason = new Superseded(`the Sentinels made ${addressText(to)} the master`);
    for (const follower of [...this.#followers]) if (from(follower)) follower.lost(reason);
    for (const listener of [...this.#listeners]) tell(listener);
  }
}

function addressIn([host, port]: readonly string[]): Address {
  return { host: String(host), port: Number(port) };
}
