import { createCluster } from '@redis/client';
import { Cluster } from 'ioredis';
import { cacheBuilder, type TieredCache } from 'tierkeep';
import type { RedisCluster } from '../../test/support/redis-cluster.js';
import type { Case } from '../measure.js';

/** About 200 bytes of JSON, as in the figures of the design. */
const value = { id: 1, name: 'x'.repeat(120), tags: ['a', 'b', 'c'], at: 1_700_000_000_000, ok: true };
const hour = 3_600_000;

/** What a careful user writes by hand with one library: everything at once, JSON as the value. */
interface Raw {
  getMany(keys: readonly string[]): Promise<unknown>;
  setMany(keys: readonly string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Keys all over the slots, read and written together, against the raw library. Round trips are those that the servers count. */
export async function clusterCases(cluster: RedisCluster): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [driver, raw] of [
    ['ioredis', rawIoredis(cluster)],
    ['node-redis', await rawNodeRedis(cluster)],
  ] as const) {
    const cache = cacheBuilder(`bench-${driver}`).cluster({ nodes: cluster.addresses, driver }).ttl('1h').build();
    for (const count of [100, 1_000]) {
      const keys = Array.from({ length: count }, (_, id) => `user:${id}`);
      const rawKeys = keys.map((key) => `raw:${key}`);
      const entries = keys.map((key) => [key, value] as const);
      const [rawSet, set] = [() => raw.setMany(rawKeys), () => cache.setMany(entries, { budget: '10s' })];
      const [rawGet, get] = [() => raw.getMany(rawKeys), () => cache.getMany(keys, { budget: '10s' })];
      await rawSet();
      await set();
      await showRoundTrips(cluster, `${driver}, setMany of ${count}`, rawSet, set);
      await showRoundTrips(cluster, `${driver}, getMany of ${count}`, rawGet, get);
      cases.push(
        {
          name: `cluster: getMany of ${count}, ${driver}`,
          ops: count,
          raw: { name: `getMany (raw ${driver})`, run: rawGet },
          ours: { name: 'getMany', run: get },
          target: { kind: 'time', ratio: 1.5 },
        },
        {
          name: `cluster: setMany of ${count}, ${driver}`,
          ops: count,
          raw: { name: `setMany (raw ${driver})`, run: rawSet },
          ours: { name: 'setMany', run: set },
          target: { kind: 'time', ratio: 1.3 },
        },
      );
    }
    closeAfterLast(cases, raw, cache);
  }
  return cases;
}

function rawIoredis({ addresses }: RedisCluster): Raw {
  const client = new Cluster([...addresses], { enableAutoPipelining: true });
  return {
    getMany: async (keys) => parsed(await Promise.all(keys.map((key) => client.get(key)))),
    setMany: (keys) => Promise.all(keys.map((key) => client.set(key, JSON.stringify(value), 'PX', hour))),
    async close() {
      client.disconnect();
    },
  };
}

async function rawNodeRedis({ addresses }: RedisCluster): Promise<Raw> {
  // Its default is a timer for each command, which costs more than half of the speed.
  const commandOptions = { timeout: undefined };
  const client = createCluster({ rootNodes: addresses.map((socket) => ({ socket })), commandOptions });
  await client.connect();
  return {
    getMany: async (keys) => parsed(await Promise.all(keys.map((key) => client.get(key)))),
    setMany: (keys) => Promise.all(keys.map((key) => client.set(key, JSON.stringify(value), { PX: hour }))),
    close: async () => client.destroy(),
  };
}

function parsed(texts: readonly (string | null)[]): unknown[] {
  return texts.map((text) => JSON.parse(text as string) as unknown);
}

async function showRoundTrips(cluster: RedisCluster, name: string, raw: () => unknown, ours: () => unknown): Promise<void> {
  const count = async (run: () => unknown) => [...(await cluster.traffic(run)).values()].map(({ reads }) => reads).join(' + ');
  console.log(`${name}: round trips per node ${await count(raw)} raw, ${await count(ours)} ours`);
}

function closeAfterLast(cases: Case[], raw: Raw, cache: TieredCache): void {
  const last = cases.pop();
  if (last === undefined) return;
  cases.push({
    ...last,
    async close() {
      await raw.close();
      await cache.close();
    },
  });
}
