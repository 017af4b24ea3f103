import { type Address, addressText } from '../address.js';
import type { Backoff } from '../backoff.js';
import type { Driver } from '../driver.js';
import { Ear } from '../ear.js';
import { StandingLink } from '../standing-link.js';

export interface SentinelEarsSettings {
  readonly driver: Driver;
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  readonly reconnect?: Backoff | undefined;
  heard(channel: string, message: string): void;
  /** One is listened to (again). What it said before was missed. */
  listening(sentinel: Address): void;
}

/** In the order in which they come: the first two from the Sentinel that leads the fail-over, the last from each when it knows. */
const channels = ['+failover-state-wait-promotion', '+promoted-slave', '+switch-master'];

/** A subscriber link to each Sentinel: whoever dies together with the master, another one tells of it. */
export class SentinelEars {
  readonly #settings: SentinelEarsSettings;
  readonly #ears = new Map<string, StandingLink<Ear>>();
  #closed = false;

  constructor(settings: SentinelEarsSettings) {
    this.#settings = settings;
  }

  /** Listens to these from now on, and to no others. */
  listenTo(sentinels: readonly Address[]): void {
    if (this.#closed) return;
    const wanted = new Map(sentinels.map((each) => [addressText(each), each]));
    for (const [text, standing] of this.#ears) {
      if (wanted.has(text)) continue;
      this.#ears.delete(text);
      end(standing);
    }
    for (const [text, sentinel] of wanted) {
      if (this.#ears.has(text)) continue;
      const standing = this.#stand(sentinel);
      this.#ears.set(text, standing);
      void standing.connect();
    }
  }

  close(): void {
    this.#closed = true;
    for (const standing of this.#ears.values()) end(standing);
    this.#ears.clear();
  }

  #stand(sentinel: Address): StandingLink<Ear> {
    const { driver, connectTimeout, stallTimeout, reconnect, heard, listening } = this.#settings;
    return new StandingLink<Ear>({
      connectTimeout,
      reconnect,
      make: (lost) => {
        const link = driver.subscriber(lost, (channel, message) => heard(channel, String(message)), sentinel);
        return new Ear(link, stallTimeout, lost);
      },
      async greet(ear) {
        for (const channel of channels) {
          await ear.subscribe(channel);
          const refusal = ear.refusal(channel);
          // One whose ACL forbids the channel is asked and not heard; any other refusal may pass.
          if (refusal !== undefined && !refusal.message.startsWith('NOPERM')) throw refusal;
        }
      },
      changed(state) {
        if (state === 'ready') listening(sentinel);
      },
    });
  }
}

function end(standing: StandingLink<Ear>): void {
  standing.retire();
  standing.destroy();
}
