/**
 * A cache that is filled before the first request comes, from a table of 5,000 rows that is read page by page, with a bar on a terminal.
 * Run: `npx tsx examples/warm-up.ts` (starts a redis-server).
 */
import { cacheBuilder } from 'tierkeep';
import { progressBar } from 'tierkeep/progress';
import { startRedis } from '../test/support/redis-server.js';

const redis = await startRedis();
const cache = cacheBuilder('shop').memory().redis({ url: redis.url }).build();
const products = cache.namespace('product', { ttl: '1h', grace: '1d' });
await cache.ready();

/** Stands for `SELECT id FROM products`, by a cursor. */
function* ids() {
  for (let id = 1; id <= 5_000; id += 1) yield String(id);
}

let queries = 0;

/** Stands for `SELECT … WHERE id = ANY(…)`. */
async function byIds(missing: readonly string[]): Promise<Map<string, { id: string; price: number }>> {
  queries += 1;
  await new Promise((resolve) => setTimeout(resolve, 5));
  return new Map(missing.filter((id) => id !== '13').map((id) => [id, { id, price: Number(id) / 100 }]));
}

for (const time of ['cold', 'warm']) {
  queries = 0;
  const bar = progressBar({ label: time });
  const { loaded, fresh, missing, failed } = await products.warm(ids(), byIds, { batchSize: 250, onProgress: bar });
  console.log(`${time}: ${queries} queries, ${loaded} loaded, ${fresh} fresh, ${missing} missing, ${failed.length} failed`);
}
console.log(await products.get('42'));

await cache.close();
await redis.stop();
