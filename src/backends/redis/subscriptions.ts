import { ClosedError } from '../../errors.js';
import type { Backoff } from './backoff.js';
import type { ConnectionState, Subscription, SubscriptionListener, Tracking } from './connection.js';
import type { Driver } from './driver.js';
import { Ear } from './ear.js';
import { redisError } from './server-errors.js';
import { StandingLink } from './standing-link.js';
import { tell } from './tell.js';

export interface SubscriptionTimings {
  readonly connectTimeout: number;
  readonly stallTimeout: number;
  readonly reconnect?: Backoff | undefined;
}

/**
 * All subscriptions of a connection, on one subscriber link that is made with the first and ends with the last. Tracking has to begin before
 * a link subscribes to anything, so each that wants it has a link of its own.
 */
export class Subscriptions {
  readonly #driver: Driver;
  readonly #timings: SubscriptionTimings;
  readonly #tracking: Tracking | undefined;
  readonly #trackers = new Set<Subscriptions>();
  readonly #listeners = new Map<string, Set<SubscriptionListener>>();
  #standing: StandingLink<Ear> | undefined;
  #heard = false;
  #closed = false;

  constructor(driver: Driver, timings: SubscriptionTimings, tracking?: Tracking) {
    this.#driver = driver;
    this.#timings = timings;
    this.#tracking = tracking;
  }

  async add(channel: string, listener: SubscriptionListener, tracking?: Tracking): Promise<Subscription> {
    if (tracking !== undefined) return this.#addTracker(channel, listener, tracking);
    const own: SubscriptionListener = {
      message: (message) => listener.message(message),
      state: (state) => listener.state(state),
    };
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(own));
    const close = () => this.#remove(channel, own);
    const ping = () => this.#ping(channel);
    this.#standing ??= this.#stand();
    const ear = this.#standing.ready;
    if (ear === undefined) await this.#standing.connect();
    else await this.#tune(ear, channel, [own]);
    if (this.#closed) throw new ClosedError('the connection to Redis was closed');
    const refusal = this.#standing?.ready?.refusal(channel);
    if (refusal === undefined) return { close, ping };
    await close();
    throw redisError(refusal, 'subscribe', this.#driver.address);
  }

  hurry(): void {
    this.#standing?.hurry();
    for (const tracker of this.#trackers) tracker.hurry();
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    for (const tracker of this.#trackers) tracker.close();
    this.#trackers.clear();
    this.#end();
  }

  async #addTracker(channel: string, listener: SubscriptionListener, tracking: Tracking): Promise<Subscription> {
    const tracker = new Subscriptions(this.#driver, this.#timings, tracking);
    this.#trackers.add(tracker);
    try {
      const { ping, close } = await tracker.add(channel, listener);
      const remove = async () => {
        this.#trackers.delete(tracker);
        await close();
      };
      return { ping, close: remove };
    } catch (error) {
      this.#trackers.delete(tracker);
      throw error;
    }
  }

  async #remove(channel: string, listener: SubscriptionListener): Promise<void> {
    const listeners = this.#listeners.get(channel);
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return;
    this.#listeners.delete(channel);
    if (this.#listeners.size === 0) {
      this.#end();
      return;
    }
    const standing = this.#standing;
    const ear = standing?.ready;
    await ear?.unsubscribe(channel).catch((reason: unknown) => standing?.lose(ear, reason));
    // Somebody may have come for the channel while it was being given up.
    if (ear !== undefined && this.#listeners.has(channel)) await this.#tune(ear, channel, []);
  }

  async #ping(channel: string): Promise<void> {
    const ear = this.#standing?.ready;
    if (ear?.hears(channel) !== true) throw new Error('the subscriber connection does not stand');
    await ear.ping();
  }

  #stand(): StandingLink<Ear> {
    const { connectTimeout, stallTimeout, reconnect } = this.#timings;
    const standing: StandingLink<Ear> = new StandingLink({
      connectTimeout,
      reconnect,
      make: (lost) => new Ear(this.#driver.subscriber(lost, this.#hear), stallTimeout, lost),
      greet: async (ear) => {
        if (this.#tracking !== undefined) await ear.track(this.#tracking);
        await Promise.all([...this.#listeners.keys()].map((channel) => ear.subscribe(channel)));
      },
      changed: (state) => this.#changed(standing, state),
    });
    return standing;
  }

  #end(): void {
    const standing = this.#standing;
    this.#standing = undefined;
    standing?.retire();
    standing?.destroy();
  }

  #changed(standing: StandingLink<Ear>, state: ConnectionState): void {
    const heard = this.#heard;
    this.#heard = state === 'ready';
    if (state === 'down' && heard) {
      for (const listeners of this.#listeners.values()) announce(listeners, 'lost');
    }
    const ear = standing.ready;
    if (state !== 'ready' || ear === undefined) return;
    for (const [channel, listeners] of this.#listeners) {
      if (ear.hears(channel)) announce(listeners, 'subscribed');
      // It was added while the greeting was under way.
      else if (ear.refusal(channel) === undefined) void this.#tune(ear, channel, listeners);
    }
  }

  async #tune(ear: Ear, channel: string, listeners: Iterable<SubscriptionListener>): Promise<void> {
    try {
      if (!ear.hears(channel)) await ear.subscribe(channel);
      if (ear.hears(channel)) announce(listeners, 'subscribed');
    } catch (reason) {
      this.#standing?.lose(ear, reason);
    }
  }

  readonly #hear = (channel: string, message: Buffer): void => {
    for (const listener of this.#listeners.get(channel) ?? []) tell(() => listener.message(message));
  };
}

function announce(listeners: Iterable<SubscriptionListener>, state: 'subscribed' | 'lost'): void {
  for (const listener of [...listeners]) tell(() => listener.state(state));
}
