import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { cacheBuilder } from 'tierkeep';
import type { Case } from '../measure.js';

const hits = 20_000;
const bumps = 200;
const keys = Array.from({ length: 1_000 }, (_, id) => `user:${id}`);
const tags = keys.map((key, id) => ['all', `org:${id % 10}`, key]);

/**
 * A hit on what is tagged against the floor of any asynchronous cache in memory, and one invalidation after the other, of however many
 * entries, against the least that could tell others: a write and a message in one round trip.
 */
export async function tagCases(redisUrl: string): Promise<Case[]> {
  const lru = new LRUCache<string, object>({ max: 10_000 });
  const cache = cacheBuilder('bench-tags').memory().redis({ url: redisUrl }).ttl('1h').budget('30s').build();
  await cache.ready();
  await cache.setMany(keys.map((key, id) => [key, { id }, { tags: tags[id] as string[] }] as const));
  for (const [id, key] of keys.entries()) lru.set(key, { id });
  const floor = async (key: string) => lru.get(key);
  const factory = () => ({ id: -1 });

  const redis = new Redis(redisUrl);
  const writeAndTell = async () => {
    for (let op = 0; op < bumps; op += 1) await redis.multi().set('bench-tags:raw', op).publish('bench-tags:raw', 'x').exec();
  };
  const raw = { name: 'SET and PUBLISH', run: writeAndTell };
  return [
    {
      name: 'get-or-set-hit: 3 tags',
      ops: hits,
      raw: { name: 'lru-cache', run: () => each((id) => floor(keys[id] as string)) },
      ours: {
        name: 'getOrSet',
        run: () => each((id) => cache.getOrSet(keys[id] as string, factory, { tags: tags[id] as string[] })),
      },
      target: { kind: 'time', ratio: 1.75 },
    },
    {
      name: 'invalidate-tags: one tag of 1,000 entries',
      ops: bumps,
      raw,
      ours: {
        name: 'invalidateTags',
        run: async () => {
          for (let op = 0; op < bumps; op += 1) await cache.invalidateTags(['all']);
        },
      },
      target: { kind: 'speed', ratio: 0.6 },
    },
    {
      name: 'clear: sequential',
      ops: bumps,
      raw,
      ours: {
        name: 'clear',
        run: async () => {
          for (let op = 0; op < bumps; op += 1) await cache.clear();
        },
      },
      target: { kind: 'speed', ratio: 0.6 },
      async close() {
        redis.disconnect();
        await cache.close();
      },
    },
  ];
}

async function each(read: (id: number) => Promise<unknown>): Promise<void> {
  for (let op = 0; op < hits; op += 1) await read(op % keys.length);
}
