import type { Tracking } from './connection.js';
import type { Lost, SubscriberLink } from './driver.js';
import { isServerReply } from './server-errors.js';
import { StallWatch } from './stall-watch.js';
import { tell } from './tell.js';

/** A subscriber link, the channels it has, and the PINGs that find out when it is frozen: nothing else is ever in flight on it. */
export class Ear {
  readonly #link: SubscriberLink;
  readonly #watch: StallWatch;
  readonly #pings: NodeJS.Timeout;
  readonly #heard = new Set<string>();
  /** Channels that the server's ACL forbids; the others must not suffer for it. */
  readonly #refused = new Map<string, Error>();
  /** Why the server does not tell of keys: then hearing the channels alone is as good as hearing nothing. */
  #untold: Error | undefined;

  constructor(link: SubscriberLink, stallTimeout: number, lost: Lost) {
    this.#link = link;
    this.#watch = new StallWatch(stallTimeout, () => lost(new Error(`the subscriber heard nothing for ${stallTimeout} ms`)));
    this.#pings = setInterval(() => this.ping().catch(lost), stallTimeout);
    this.#pings.unref();
  }

  open(): Promise<void> {
    return this.#link.open();
  }

  hears(channel: string): boolean {
    return this.#untold === undefined && this.#heard.has(channel);
  }

  refusal(channel: string): Error | undefined {
    return this.#untold ?? this.#refused.get(channel);
  }

  /** Only before the first `subscribe`. */
  async track({ prefix, invalidated }: Tracking): Promise<void> {
    try {
      await this.#ask(() => this.#link.track(prefix, (names) => tell(() => invalidated(names))));
    } catch (error) {
      if (!isServerReply(error)) throw error;
      this.#untold = error;
    }
  }

  async subscribe(channel: string): Promise<void> {
    try {
      await this.#ask(() => this.#link.subscribe(channel));
      this.#heard.add(channel);
    } catch (error) {
      if (!isServerReply(error)) throw error;
      this.#refused.set(channel, error);
    }
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#heard.delete(channel);
    this.#refused.delete(channel);
    await this.#ask(() => this.#link.unsubscribe(channel));
  }

  async ping(): Promise<void> {
    try {
      await this.#ask(() => this.#link.ping());
    } catch (reason) {
      // A refusal is an answer too.
      if (!isServerReply(reason)) throw reason;
    }
  }

  destroy(): void {
    clearInterval(this.#pings);
    this.#watch.stop();
    this.#link.destroy();
  }

  async #ask(request: () => Promise<void>): Promise<void> {
    this.#watch.sent();
    try {
      await request();
    } finally {
      this.#watch.answered();
    }
  }
}
