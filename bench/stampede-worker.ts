import { once } from 'node:events';
import { cacheBuilder } from 'tierkeep';

const [redisUrl, bus] = process.argv.slice(2);
const cache = cacheBuilder('stampede')
  .memory()
  .redis({ url: redisUrl as string })
  .bus(bus === 'without-bus' ? false : {})
  .build();
await cache.ready();
await cache.getOrSet(`warm:${process.pid}`, () => 'warm');

let factoryRuns = 0;
let spent = 0;
async function factory(): Promise<string> {
  factoryRuns += 1;
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 200));
  spent = performance.now() - from;
  return 'made';
}

process.send?.('ready');
await once(process, 'message');
await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('one-cold-key', factory)));
process.send?.({ factoryRuns, spent });
await cache.close();
process.disconnect();
