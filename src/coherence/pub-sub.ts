import type { Connection, Subscription, Tracking } from '../backends/redis/connection.js';
import type { Clock, Timer } from '../clock.js';
import type { Bus, BusListener, Changed } from './bus.js';

export interface PubSubSettings {
  readonly channel: string;
  /** Deleted as a probe: a write, so that a server which takes no writes says so, and one that leaves nothing behind. */
  readonly probeKey: string;
  readonly clock: Clock;
  /** What Redis is to tell of besides, and to whom. Default nothing. */
  readonly tracking?: ((listener: BusListener) => Tracking) | undefined;
}

/** A server that forbids the channel may be told otherwise later. */
const askAgainMs = 5_000;

/**
 * The bus over Redis pub/sub. It subscribes when the connection stands and anew after each loss of it: the command connection may have
 * gone to another server, as at a fail-over, while the subscriber still hears the old one, where nobody publishes any more.
 */
export function pubSub(connection: Connection, { channel, probeKey, clock, tracking }: PubSubSettings): Bus {
  let subscription: Subscription | undefined;
  let spell = 0;
  let retry: Timer | undefined;
  /** A new subscription waits for the end of the one before, which else would lend it its connection. */
  let before: Promise<void> = Promise.resolve();
  let forget: () => void = () => {};

  function drop(): void {
    spell += 1;
    retry?.cancel();
    subscription?.close().catch(() => undefined);
    subscription = undefined;
  }

  function subscribe(listener: BusListener): void {
    drop();
    const mine = spell;
    before = before.then(() => (mine === spell ? subscribeNow(listener, mine) : undefined));
  }

  async function subscribeNow(listener: BusListener, mine: number): Promise<void> {
    let stands = false;
    const listening = () => {
      retry?.cancel();
      listener.listening();
    };
    // It comes back by itself, unless the server forbids by now what it allowed at first.
    const lost = (reason: unknown) => {
      listener.lost(reason);
      retry?.cancel();
      retry = clock.schedule(askAgainMs, () => {
        if (mine === spell && connection.state === 'ready') subscribe(listener);
      });
    };
    const state = (heard: 'subscribed' | 'lost') => {
      if (mine !== spell) return;
      stands = heard === 'subscribed';
      if (!stands) lost(new Error('the subscriber connection was lost'));
      // Until there is a subscription to prove it by, that it stands is of no use.
      else if (subscription !== undefined) listening();
    };
    const message = (bytes: Buffer) => {
      if (mine === spell) listener.message(bytes);
    };
    const changed = (what: Changed) => {
      if (mine === spell) listener.changed(what);
    };
    try {
      const made = await connection.subscribe(channel, { message, state }, tracking?.({ ...listener, changed }));
      if (mine !== spell) return await made.close().catch(() => undefined);
      subscription = made;
      if (stands) listening();
      else lost(new Error('the subscriber connection does not stand yet'));
    } catch (reason) {
      if (mine === spell) lost(reason);
    }
  }

  return {
    listen(listener) {
      const onState = (state: Connection['state'], reason?: unknown) => {
        if (state === 'ready') subscribe(listener);
        else if (state === 'down' || (state === 'connecting' && spell > 0)) {
          drop();
          listener.lost(reason ?? new Error('the connection changes servers'));
        }
      };
      forget = connection.onState(onState);
      onState(connection.state);
    },
    async prove(deadline) {
      const heard = subscription;
      if (heard === undefined) throw new Error('the subscriber connection does not stand');
      await Promise.all([connection.probe(probeKey, deadline), inTime(heard.ping(), deadline, clock)]);
    },
    async close() {
      forget();
      drop();
    },
  };
}

function inTime(answer: Promise<void>, deadline: number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error('the subscriber connection did not answer in time'));
    const timer = clock.schedule(Math.max(0, deadline - clock.monotonic()), late);
    answer.finally(() => timer.cancel()).then(resolve, reject);
  });
}
