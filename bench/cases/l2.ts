import { Redis } from 'ioredis';
import { cacheBuilder } from 'tierkeep';
import type { Case } from '../measure.js';

const keys = Array.from({ length: 100 }, (_, id) => `user:${id}`);
/** About 200 bytes of JSON, as in the figures of the design. */
const value = { id: 1, name: 'x'.repeat(120), tags: ['a', 'b', 'c'], at: 1_700_000_000_000, ok: true };

/** Against what a careful user writes by hand with the same client: GET and JSON.parse, JSON.stringify and SET PX. */
export async function l2Cases(redisUrl: string): Promise<Case[]> {
  const redis = new Redis(redisUrl);
  const cache = cacheBuilder('bench-l2').redis({ url: redisUrl, driver: 'ioredis' }).ttl('1h').build();
  const rawSet = (key: string) => redis.set(`raw:${key}`, JSON.stringify(value), 'PX', 3_600_000);
  const rawGet = async (key: string) => JSON.parse((await redis.get(`raw:${key}`)) as string) as unknown;
  const rawKeys = keys.map((key) => `raw:${key}`);
  await Promise.all(keys.map((key) => Promise.all([rawSet(key), cache.set(key, value)])));

  return [
    pair(
      'l2-hit: sequential',
      sequential(rawGet),
      sequential((key) => cache.get(key)),
      { kind: 'speed', ratio: 0.9 },
    ),
    pair(
      'l2-hit: 100 in flight',
      together(rawGet),
      together((key) => cache.get(key)),
      { kind: 'speed', ratio: 1 },
    ),
    pair(
      'set: sequential',
      sequential(rawSet),
      sequential((key) => cache.set(key, value)),
      { kind: 'speed', ratio: 0.75 },
    ),
    pair(
      'set: 100 in flight',
      together(rawSet),
      together((key) => cache.set(key, value)),
      { kind: 'speed', ratio: 0.75 },
    ),
    pair(
      'batch: getMany of 100',
      async () => (await redis.mget(rawKeys)).map((json) => JSON.parse(json as string) as unknown),
      () => cache.getMany(keys),
      { kind: 'time', ratio: 1.5 },
    ),
    {
      ...pair(
        'batch: setMany of 100',
        () => {
          const pipeline = redis.pipeline();
          for (const key of rawKeys) pipeline.set(key, JSON.stringify(value), 'PX', 3_600_000);
          return pipeline.exec();
        },
        () => cache.setMany(keys.map((key) => [key, value] as const)),
        { kind: 'time', ratio: 1.3 },
      ),
      async close() {
        redis.disconnect();
        await cache.close();
      },
    },
  ];
}

function pair(name: string, raw: () => Promise<unknown>, ours: () => Promise<unknown>, target: Case['target']): Case {
  return { name, ops: keys.length, raw: { name: `${name} (raw)`, run: raw }, ours: { name, run: ours }, target };
}

function sequential(work: (key: string) => Promise<unknown>): () => Promise<void> {
  return async () => {
    for (const key of keys) await work(key);
  };
}

function together(work: (key: string) => Promise<unknown>): () => Promise<unknown> {
  return () => Promise.all(keys.map(work));
}
