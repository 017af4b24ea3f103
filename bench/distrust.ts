/**
 * `npx tsx bench/distrust.ts [copies]`: what it costs a process when it cannot trust its L1 for a moment, on a Cluster of three masters
 * and on one server. The table of docs/coherence.md.
 */
import { cacheBuilder, type TieredCache } from 'tierkeep';
import { startCluster } from '../test/support/redis-cluster.js';
import { startRedis } from '../test/support/redis-server.js';

const count = Number(process.argv[2] ?? 10_000);
const rounds = 5;
const keys = Array.from({ length: count }, (_, index) => `product:${index}`);
const value = { name: 'a product', price: 1_995, tags: ['new', 'red'] };

/** Every key, by 64 callers of whom each waits for its answer, and ms for all of them. */
async function readAll(cache: TieredCache): Promise<number> {
  const from = performance.now();
  let next = 0;
  const caller = async () => {
    for (let index = next++; index < count; index = next++) await cache.get(keys[index] as string);
  };
  await Promise.all(Array.from({ length: 64 }, caller));
  return performance.now() - from;
}

async function measure(name: string, cache: TieredCache, disturb: () => Promise<unknown>): Promise<void> {
  await cache.ready();
  await cache.setMany(keys.map((key) => [key, value] as const));
  const seen: { hits: number; untrusted: number; verified: number; reads: number; after: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const hits = await readAll(cache);
    let lostAt = 0;
    const regained = new Promise<number>((resolve) => {
      const told = ({ trusted }: { readonly trusted: boolean }) => {
        if (!trusted) lostAt = performance.now();
        else if (lostAt > 0) {
          cache.off('trust', told);
          resolve(performance.now());
        }
      };
      cache.on('trust', told);
    });
    await disturb();
    const untrusted = (await regained) - lostAt;
    const before = cache.stats().l2.hits;
    const verified = await readAll(cache);
    const reads = cache.stats().l2.hits - before;
    seen.push({ hits, untrusted, verified, reads, after: await readAll(cache) });
  }
  const median = (of: keyof (typeof seen)[number]) => seen.map((each) => each[of]).sort((a, b) => a - b)[rounds >> 1] as number;
  const each = (of: 'hits' | 'verified' | 'after') => `${((median(of) * 1_000) / count).toFixed(2)} µs`;
  console.log(`${name}, ${count} copies`);
  console.table({
    'a hit before': each('hits'),
    'untrusted for': `${median('untrusted').toFixed(0)} ms`,
    'reads of Redis until all are verified': median('reads'),
    'a verification': each('verified'),
    'a hit after': each('after'),
  });
}

const redis = await startRedis();
const cluster = await startCluster({ replicas: 0 });
try {
  const memory = () => cacheBuilder('shop').memory({ maxEntries: count }).budget('10s');
  await using one = memory().redis({ url: redis.url }).build();
  await measure('one server', one, () => redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub'));
  await using many = memory().cluster({ nodes: cluster.addresses }).build();
  const [first = 0] = cluster.ports;
  await measure('a Cluster, one master of three', many, () => cluster.cli(first, 'CLIENT', 'KILL', 'TYPE', 'pubsub'));
} finally {
  await redis.stop();
  await cluster.stop();
}
