import { cacheBuilder } from 'tierkeep';

const [redisUrl, bus] = process.argv.slice(2);
const cache = cacheBuilder('stampede')
  .memory()
  .redis({ url: redisUrl as string })
  .bus(bus === 'without-bus' ? false : {})
  .build();
await cache.ready();
await cache.getOrSet(`warm:${process.pid}`, () => 'warm');

/** One stampede on the key that is told, until there is no more to do. */
process.on('message', async (key: string) => {
  if (key === 'end') {
    await cache.close();
    process.disconnect();
    return;
  }
  process.send?.(await stampede(key));
});
process.send?.('ready');

async function stampede(key: string) {
  let factoryRuns = 0;
  let spent = 0;
  const factory = async () => {
    factoryRuns += 1;
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 200));
    spent = performance.now() - from;
    return 'made';
  };
  await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet(key, factory)));
  return { factoryRuns, spent };
}
