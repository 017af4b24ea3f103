import { addressText } from '../address.js';
import { closedError } from '../calls.js';
import type { Subscription, SubscriptionListener, Tracking } from '../connection.js';
import type { Address, Driver } from '../driver.js';
import { Subscriptions, type SubscriptionTimings } from '../subscriptions.js';
import { tell } from '../tell.js';

/** One listener on one channel, at every master. */
interface Subscriber {
  readonly channel: string;
  readonly listener: SubscriptionListener;
  readonly tracking: Tracking | undefined;
  /** The masters, by name, at which it is to be subscribed. */
  readonly places: Map<string, Place>;
  /** What the listener heard last. */
  heard: boolean;
}

interface Place {
  subscribed: boolean;
  readonly subscription: Promise<Subscription | undefined>;
}

/**
 * Subscribes at every master, since the cluster's own bus between them may drop a message while every connection looks well. So a
 * message may come several times. `subscribed` is said when it stands at all of them.
 */
export class ClusterSubscriptions {
  readonly #driver: Driver;
  readonly #timings: SubscriptionTimings;
  readonly #allHeard: () => Promise<void>;
  readonly #masters = new Map<string, Subscriptions>();
  readonly #subscribers = new Set<Subscriber>();
  #closed = false;

  /** `allHeard` rejects when keys may be changed at a node that is none of the masters. */
  constructor(driver: Driver, timings: SubscriptionTimings, allHeard: () => Promise<void>) {
    this.#driver = driver;
    this.#timings = timings;
    this.#allHeard = allHeard;
  }

  /** The masters are these now. */
  follow(masters: readonly Address[]): void {
    if (this.#closed) return;
    const names = new Set(masters.map(addressText));
    const before = this.#masters.size;
    for (const [name, subscriptions] of this.#masters) {
      if (names.has(name)) continue;
      this.#masters.delete(name);
      subscriptions.close();
      for (const { places } of this.#subscribers) places.delete(name);
    }
    // What it said last may have been on its way, and is lost with the connection.
    const interrupted = this.#masters.size < before;
    for (const address of masters) {
      const name = addressText(address);
      if (this.#masters.has(name)) continue;
      this.#masters.set(name, new Subscriptions(this.#at(address), this.#timings));
      for (const subscriber of this.#subscribers) this.#subscribe(subscriber, name);
    }
    for (const subscriber of this.#subscribers) tellState(subscriber, interrupted);
  }

  async add(channel: string, listener: SubscriptionListener, tracking?: Tracking): Promise<Subscription> {
    const subscriber: Subscriber = { channel, listener, tracking, places: new Map(), heard: false };
    this.#subscribers.add(subscriber);
    const close = async () => {
      this.#subscribers.delete(subscriber);
      const all = await Promise.all([...subscriber.places.values()].map((place) => place.subscription.catch(() => undefined)));
      await Promise.all(all.map((subscription) => subscription?.close()));
    };
    for (const name of this.#masters.keys()) this.#subscribe(subscriber, name);
    try {
      await Promise.all([...subscriber.places.values()].map((place) => place.subscription));
    } catch (error) {
      await close();
      throw error;
    }
    if (this.#closed) throw closedError();
    const ping = async () => {
      const all = [...subscriber.places.values()];
      if (all.length === 0 || !all.every((place) => place.subscribed)) throw new Error('not every master is listened to');
      const pings = all.map(async (place) => (await place.subscription)?.ping());
      await Promise.all(tracking === undefined ? pings : [...pings, this.#allHeard()]);
    };
    return { close, ping };
  }

  close(): void {
    this.#closed = true;
    for (const subscriptions of this.#masters.values()) subscriptions.close();
    this.#masters.clear();
    this.#subscribers.clear();
  }

  #at(address: Address): Driver {
    const driver = this.#driver;
    return {
      name: driver.name,
      topology: driver.topology,
      address: addressText(address),
      link: (lost) => driver.link(lost, address),
      subscriber: (lost, message) => driver.subscriber(lost, message, address),
      release() {},
    };
  }

  #subscribe(subscriber: Subscriber, name: string): void {
    const { channel, listener, tracking, places } = subscriber;
    const subscriptions = this.#masters.get(name);
    if (subscriptions === undefined) return;
    const state = (said: 'subscribed' | 'lost') => {
      const place = places.get(name);
      if (place === undefined || !this.#subscribers.has(subscriber)) return;
      place.subscribed = said === 'subscribed';
      tellState(subscriber);
    };
    const subscription = subscriptions.add(channel, { message: (message) => listener.message(message), state }, tracking);
    places.set(name, { subscribed: false, subscription });
    // Whoever adds it hears of a refusal; at a master that comes later nobody waits for it.
    subscription.catch(() => undefined);
  }
}

function tellState(subscriber: Subscriber, interrupted = false): void {
  const { places, listener } = subscriber;
  const subscribed = places.size > 0 && [...places.values()].every((place) => place.subscribed);
  const become = (heard: boolean) => {
    subscriber.heard = heard;
    tell(() => listener.state(heard ? 'subscribed' : 'lost'));
  };
  if (subscriber.heard && (interrupted || !subscribed)) become(false);
  if (!subscriber.heard && subscribed) become(true);
}
