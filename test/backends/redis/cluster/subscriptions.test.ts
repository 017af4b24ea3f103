import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { redisStore } from '../../../../src/backends/redis/redis-store.js';
import { systemClock } from '../../../../src/clock.js';
import { announcements } from '../../../../src/coherence/messages.js';
import { newEntry } from '../../../../src/entries/entry.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());

describe.each(libraries)('the bus of a Cluster over $library', ({ connect }) => {
  let connection: Connection;
  beforeEach(async () => {
    connection = connect({ nodes: cluster.addresses });
    await connection.connect();
  });
  afterEach(() => connection.close());

  it('a ping comes back after what was told on every master before it', async () => {
    const heard = new Set<string>();
    const message = (bytes: Buffer) => void heard.add(String(bytes));
    const subscription = await connection.subscribe('shop:bus', { message, state() {} });
    const store = redisStore(connection, {
      name: 'shop',
      clock: systemClock,
      leaseMs: 5_000,
      events: { unreadable() {} },
      announcements: { channel: 'shop:bus', ...announcements('me') },
    });
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    for (const key of keys) await store.write(key, newEntry('v', { ttl: 60_000, grace: 0 }, Date.now()), within());
    await store.removeMatching('k', '5*', () => within());
    await subscription.ping();
    expect(keys.filter((key) => !heard.has(`tk1 ["me","k","${key}"]`))).toEqual([]);
    expect(heard).toContain('tk1 ["me","p","k5"]');
    await subscription.close();
  });
});
