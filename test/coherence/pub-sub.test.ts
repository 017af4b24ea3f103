import { expect, it } from 'vitest';
import type { Connection, SubscriptionListener } from '../../src/backends/redis/connection.js';
import { pubSub } from '../../src/coherence/pub-sub.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { settled } from '../support/simulated-process.js';

/** A bus over a connection that stands, and subscriptions that a test has its way with. */
function busOver(subscribe: (listener: SubscriptionListener) => Promise<void>) {
  const clock = fakeClock();
  const subscription = { ping: () => Promise.resolve(), close: () => Promise.resolve() };
  const connection: Partial<Connection> = {
    state: 'ready',
    onState: () => () => undefined,
    async subscribe(_channel, listener) {
      await subscribe(listener);
      return subscription;
    },
  };
  const told: string[] = [];
  const bus = pubSub(connection as Connection, { channel: 'shop:bus', probeKey: 'shop:probe', clock });
  bus.listen({
    message: () => undefined,
    changed: () => undefined,
    listening: () => void told.push('listening'),
    lost: (reason) => void told.push((reason as Error).message),
  });
  return { bus, clock, told };
}

it('asks again after a while when it may not subscribe any more where it could before', async () => {
  let allowed = true;
  let listener: SubscriptionListener | undefined;
  const { bus, clock, told } = busOver(async (given) => {
    if (!allowed) throw new Error('NOPERM');
    listener = given;
    given.state('subscribed');
  });
  await settled();
  allowed = false;
  listener?.state('lost');
  expect(told).toEqual(['listening', 'the subscriber connection was lost']);
  clock.advance(5_000);
  await settled();
  expect(told.slice(2)).toEqual(['NOPERM']);
  allowed = true;
  clock.advance(5_000);
  await settled();
  expect(told.slice(3)).toEqual(['listening']);
  await bus.close();
});

it('does not when it came back by itself', async () => {
  let tries = 0;
  let listener: SubscriptionListener | undefined;
  const { bus, clock, told } = busOver(async (given) => {
    tries += 1;
    listener = given;
    given.state('subscribed');
  });
  await settled();
  listener?.state('lost');
  listener?.state('subscribed');
  clock.advance(20_000);
  await settled();
  expect(tries).toBe(1);
  expect(told).toEqual(['listening', 'the subscriber connection was lost', 'listening']);
  listener?.state('lost');
  await bus.close();
  clock.advance(20_000);
  await settled();
  expect(tries).toBe(1);
});
