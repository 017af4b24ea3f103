import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type RedisSentinel, startSentinel } from '../support/redis-sentinel.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const drivers = ['ioredis', 'node-redis'] as const;
type Driver = (typeof drivers)[number];

let topology: RedisSentinel;
beforeAll(async () => {
  topology = await startSentinel({ replicas: 1 });
});
afterAll(() => topology?.stop());

const open: TieredCache[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((cache) => cache.close()));
});

async function cacheOf(
  driver: Driver,
  access: { sentinelUsername?: string; sentinelPassword?: string } = {},
): Promise<TieredCache> {
  const { masterName: name, sentinels } = topology;
  const options = { name, sentinels, driver, ...access };
  const cache = cacheBuilder('shop').memory().sentinel(options).bus({ maxStaleness: 1_000 }).logger(quiet).build();
  open.push(cache);
  await cache.ready();
  await eventually(() => cache.health().bus?.trusted === true);
  return cache;
}

const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
const all = (value: string) => keys.map((key) => [key, value] as const);
const copies = (cache: TieredCache) => keys.filter((key) => cache.peek(key) !== undefined);

async function known(reader: TieredCache, writer: TieredCache): Promise<void> {
  await writer.setMany(all('old'));
  await eventually(async () => {
    await reader.getMany(keys);
    return copies(reader).length === keys.length;
  });
}

describe.each(drivers)('two caches behind Sentinels over %s', (driver) => {
  it.each<[string, (cache: TieredCache) => Promise<unknown>]>([
    ['set', (cache) => Promise.all(keys.map((key) => cache.set(key, 'new')))],
    ['delete', (cache) => Promise.all(keys.map((key) => cache.delete(key)))],
    ['deletePattern', (cache) => cache.deletePattern('k*')],
    ['a fill', (cache) => Promise.all(keys.map((key) => cache.getOrSet(key, () => 'new', { forceFresh: true })))],
  ])('%s takes the copies out of the other L1', async (_name, change) => {
    const [reader, writer] = [await cacheOf(driver), await cacheOf(driver)];
    await known(reader, writer);
    await change(writer);
    await eventually(() => copies(reader).length === 0, { every: 1 });
    expect(await reader.getMany(keys)).toEqual(await writer.getMany(keys));
  });

  it('do not trust a master that lost its replicas and therefore takes no writes', async () => {
    const reader = await cacheOf(driver);
    const master = await topology.master();
    await topology.cli(master, 'CONFIG', 'SET', 'min-replicas-to-write', '2');
    try {
      await eventually(() => reader.health().bus?.trusted === false);
      expect(reader.health().bus?.reason).toMatch(/NOREPLICAS/);
    } finally {
      await topology.cli(master, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
    }
    await eventually(() => reader.health().bus?.trusted === true);
  });
});

it('a master that was demoted, answers and keeps what it had is left in time, even if no Sentinel tells', async () => {
  for (const { port } of topology.sentinels) {
    await topology.cli(port, 'ACL', 'SETUSER', 'deaf', 'on', '>d', '&*', '+@all', '-subscribe', '-psubscribe');
  }
  const access = { sentinelUsername: 'deaf', sentinelPassword: 'd' };
  const readers = await Promise.all(drivers.map((driver) => cacheOf(driver, access)));
  const writer = await cacheOf('ioredis');
  const former = await topology.master();
  for (const reader of readers) await known(reader, writer);
  // One that is lost as soon as it stands is no success, so that a name which leads nowhere is not asked without end.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const master = await topology.failover();
  await eventually(async () => (await topology.cli(master, 'PUBSUB', 'NUMSUB', 'shop:bus')).endsWith('1'), { within: 15_000 });
  // It follows nobody, so it hears of nothing.
  await topology.cli(former, 'REPLICAOF', '127.0.0.1', '1');
  await writer.setMany(all('new'));
  expect(await topology.cli(former, 'GET', 'shop:cache:{k0}')).toContain('old');
  // A second is promised; the rest is for slow machines.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  for (const reader of readers) {
    expect([...(await reader.getMany(keys)).values()]).toEqual(keys.map(() => 'new'));
    await eventually(() => reader.health().bus?.trusted === true, { within: 15_000 });
    await writer.set('k0', 'newer');
    await eventually(async () => (await reader.get('k0')) === 'newer');
    await writer.set('k0', 'new');
    await eventually(async () => (await reader.get('k0')) === 'new');
  }
});
