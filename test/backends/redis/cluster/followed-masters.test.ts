import { expect, it } from 'vitest';
import { ClusterSubscriptions } from '../../../../src/backends/redis/cluster/cluster-subscriptions.js';
import type { Driver, SubscriberLink } from '../../../../src/backends/redis/driver.js';
import { eventually } from '../../../support/eventually.js';

const at = (port: number) => ({ host: 'h', port });

/** Nodes that say yes to everything. */
const driver: Driver = {
  name: 'ioredis',
  topology: 'cluster',
  address: 'h',
  link: () => {
    throw new Error('no link is asked for');
  },
  subscriber: (): SubscriberLink => ({
    open: () => Promise.resolve(),
    track: () => Promise.resolve(),
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    ping: () => Promise.resolve(),
    destroy: () => undefined,
  }),
  release: () => undefined,
};

async function followed(masters: readonly number[]) {
  let allHeard = () => Promise.resolve();
  const subscriptions = new ClusterSubscriptions(driver, { connectTimeout: 1_000, stallTimeout: 1_000 }, () => allHeard());
  subscriptions.follow(masters.map(at));
  const states: string[] = [];
  const listener = { message: () => undefined, state: (state: string) => void states.push(state) };
  const plain = await subscriptions.add('bus', listener);
  const tracked = await subscriptions.add(
    'bus',
    { message: () => undefined, state: () => undefined },
    { prefix: 'shop:cache:', invalidated: () => undefined },
  );
  await eventually(() => states.length === 1);
  const follow = (ports: readonly number[]) => subscriptions.follow(ports.map(at));
  const notAllHeard = () => {
    allHeard = () => Promise.reject(new Error('not all'));
  };
  return { subscriptions, states, plain, tracked, follow, notAllHeard };
}

it('a master that leaves takes with it what it said last: it counts as lost, and what is left stands', async () => {
  const { subscriptions, states, follow } = await followed([1, 2]);
  follow([1]);
  expect(states).toEqual(['subscribed', 'lost', 'subscribed']);
  follow([1]);
  expect(states).toHaveLength(3);
  subscriptions.close();
});

it('a master that comes is waited for, also when another leaves', async () => {
  const { subscriptions, states, follow } = await followed([1, 2]);
  follow([1, 3]);
  expect(states).toEqual(['subscribed', 'lost']);
  await eventually(() => states.length === 3);
  expect(states.at(-1)).toBe('subscribed');
  subscriptions.close();
});

it('what servers tell of their keys is proved only where every slot is theirs; messages are passed on between nodes', async () => {
  const { subscriptions, plain, tracked, notAllHeard } = await followed([1]);
  await Promise.all([plain.ping(), tracked.ping()]);
  notAllHeard();
  await plain.ping();
  await expect(tracked.ping()).rejects.toThrow('not all');
  subscriptions.close();
});
