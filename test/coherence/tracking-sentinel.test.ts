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

const slow = { within: 20_000 };

async function expectHeard(): Promise<void> {
  const [first] = caches as [TieredCache];
  await eventually(() => caches.every((cache) => cache.health().bus?.trusted), slow);
  await eventually(async () => {
    await first.set('k', 'old');
    return (await first.get('k')) === 'old';
  }, slow);
  await eventually(async () => {
    await Promise.all(caches.map((cache) => cache.get('k')));
    return caches.every((cache) => cache.peek('k') === 'old');
  }, slow);
  await topology.cli(await topology.master(), 'DEL', 'shop:cache:{k}');
  await eventually(() => caches.every((cache) => cache.peek('k') === undefined), slow);
}

it('behind Sentinels foreign changes are heard from the master, and from the next one after a fail-over', async () => {
  await Promise.all(caches.map((cache) => cache.ready()));
  await expectHeard();
  const lost = caches.map((cache) => new Promise<void>((resolve) => cache.on('trust', ({ trusted }) => trusted || resolve())));
  const before = await topology.master();
  expect(await topology.failover()).not.toBe(before);
  await Promise.all(lost);
  await expectHeard();
});
