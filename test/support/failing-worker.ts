import { once } from 'node:events';
import { cacheBuilder } from 'tierkeep';

/** A process whose factory fails when it is told to: many callers want one cold key, and what came of it is told. */
const [redisUrl, bus] = process.argv.slice(2);
const cache = cacheBuilder('failing')
  .memory()
  .redis({ url: redisUrl as string })
  .bus(bus === 'without-bus' ? false : {})
  .budget('10s')
  .build();
await cache.ready();

async function factory(): Promise<never> {
  process.send?.({ ranAt: Date.now() });
  await once(process, 'message');
  throw new Error(`of ${process.pid}`);
}

process.send?.('ready');
await once(process, 'message');
const calls = Array.from({ length: 20 }, () => cache.getOrSet('k', factory));
const errors = (await Promise.allSettled(calls)).map((call) => (call.status === 'rejected' ? call.reason.message : 'none'));
process.send?.({ errors });
await cache.close();
process.disconnect();
