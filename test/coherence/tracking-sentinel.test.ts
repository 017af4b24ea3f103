import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { libraries, optionsFor } from '../backends/redis/sentinel/sentinel-libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisSentinel, startSentinel } from '../support/redis-sentinel.js';

let topology: RedisSentinel;
const caches: TieredCache[] = [];
beforeAll(async () => {
  topology = await startSentinel({ replicas: 1 });
  for (const { client } of libraries) {
    const builder = cacheBuilder('shop')
      .memory()
      .sentinel({ client: client(optionsFor(topology)) });
    caches.push(builder.bus({ mode: 'tracking', maxStaleness: '1s' }).budget('5s').build());
  }
});
afterAll(async () => {
  await Promise.all(caches.map((cache) => cache.close()));
  await topology?.stop();
});

const within = 30_000;

/** Of every cache, and tells of those of which it is not so. */
const everywhere = (so: (cache: TieredCache) => boolean) =>
  eventually(
    () => {
      const others = caches.filter((cache) => !so(cache));
      if (others.length > 0) throw new Error(JSON.stringify(others.map((cache) => [cache.peek('k'), cache.health()])));
    },
    { within },
  );

async function expectHeard(): Promise<void> {
  const [first] = caches as [TieredCache];
  await everywhere((cache) => cache.health().bus?.trusted === true);
  await eventually(
    async () => {
      await first.set('k', 'old');
      return (await first.get('k')) === 'old';
    },
    { within },
  );
  const reading = setInterval(() => void Promise.all(caches.map((cache) => cache.get('k'))), 10);
  await everywhere((cache) => cache.peek('k') === 'old').finally(() => clearInterval(reading));
  await topology.cli(await topology.master(), 'DEL', 'shop:cache:{k}');
  await everywhere((cache) => cache.peek('k') === undefined);
}

it('behind Sentinels foreign changes are heard from the master, and from the next one after a fail-over', {
  timeout: 180_000,
}, async () => {
  await Promise.all(caches.map((cache) => cache.ready()));
  await expectHeard();
  const lost = caches.map((cache) => new Promise<void>((resolve) => cache.on('trust', ({ trusted }) => trusted || resolve())));
  const before = await topology.master();
  expect(await topology.failover()).not.toBe(before);
  await Promise.all(lost);
  // Where the Sentinels are short of time they fail over once more.
  await topology.healthy();
  await expectHeard();
});
