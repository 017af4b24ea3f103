import { LRUCache } from 'lru-cache';
import { cacheBuilder } from 'tierkeep';
import type { Case } from '../measure.js';

const ops = 20_000;
const keys = Array.from({ length: 1_000 }, (_, id) => `user:${id}`);

/** The floor of any asynchronous cache in memory: `async (key) => lru.get(key)`. */
export async function l1Cases(redisUrl: string): Promise<Case[]> {
  const lru = new LRUCache<string, object>({ max: 10_000 });
  const cache = cacheBuilder('bench').memory().redis({ url: redisUrl }).ttl('1h').build();
  await cache.ready();
  for (const [id, key] of keys.entries()) {
    lru.set(key, { id });
    await cache.set(key, { id });
  }
  const floor = async (key: string) => lru.get(key);
  const factory = () => ({ id: -1 });
  const raw = { name: 'lru-cache', run: () => each(floor) };
  return [
    {
      name: 'l1-hit: await get',
      ops,
      raw,
      ours: { name: 'get', run: () => each((key) => cache.get(key)) },
      target: { kind: 'time', ratio: 1.25 },
    },
    {
      name: 'l1-hit: peek',
      ops,
      raw,
      ours: {
        name: 'peek',
        run: async () => {
          for (let op = 0; op < ops; op += 1) cache.peek(keys[op % keys.length] as string);
        },
      },
      target: { kind: 'time', ratio: 0.6 },
    },
    {
      name: 'get-or-set-hit',
      ops,
      raw,
      ours: { name: 'getOrSet', run: () => each((key) => cache.getOrSet(key, factory)) },
      target: { kind: 'time', ratio: 1.35 },
      close: () => cache.close(),
    },
  ];
}

async function each(read: (key: string) => Promise<unknown>): Promise<void> {
  for (let op = 0; op < ops; op += 1) await read(keys[op % keys.length] as string);
}
