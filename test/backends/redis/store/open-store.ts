import { afterEach } from 'vitest';
import type { Announcements } from '../../../../src/backends/redis/announcements.js';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { redisStore } from '../../../../src/backends/redis/redis-store.js';
import { systemClock } from '../../../../src/clock.js';
import { type Entry, newEntry } from '../../../../src/entries/entry.js';
import type { Leases, Store, Versions } from '../../../../src/store.js';
import { within } from '../libraries.js';

const channel = 'shop:bus';

/** Says what it is, so that a test reads what was told. */
const spoken: Announcements = {
  channel,
  keys: (keys) => `keys ${keys.join(' ')}`,
  prefix: (prefix) => `prefix ${prefix}`,
  labels: (labels) => `labels ${labels.join(' ')}`,
  released: (key) => `released ${key}`,
};

export interface OpenStore extends Store {
  readonly connection: Connection;
  readonly leases: Leases;
  readonly versions: Versions;
}

/** Opens stores of the cache `shop` whose connections are closed after each test. */
export function storeOpener() {
  const open: Connection[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((connection) => connection.close()));
  });
  return (connection: Connection): OpenStore => {
    open.push(connection);
    const settings = { name: 'shop', clock: systemClock, leaseMs: 5_000, events: { unreadable() {} }, announcements: spoken };
    return { ...redisStore(connection, settings), connection } as OpenStore;
  };
}

/** What is heard on the channel from now on, as far as it was not asked for yet. */
export async function listen({ connection }: OpenStore) {
  const heard: string[] = [];
  const subscription = await connection.subscribe(channel, {
    message: (message) => void heard.push(String(message)),
    state() {},
  });
  return {
    heard,
    /** All that was told before this call. */
    async all(): Promise<string[]> {
      await subscription.ping();
      return heard.splice(0);
    },
  };
}

export function entry(value: unknown, life = { ttl: 60_000, grace: 0 }, labels?: Pick<Entry, 'tags' | 'versions'>): Entry {
  return newEntry(value, life, Date.now(), labels === undefined ? {} : { labels });
}

export async function versionsOf({ versions }: OpenStore, ...labels: string[]): Promise<string[]> {
  return (await versions.current(labels, Date.now(), within())).map(({ version }) => version);
}
