import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { slotOf } from '../../src/backends/redis/slots.js';
import { eventually } from '../support/eventually.js';
import { raiseEpoch } from '../support/raise-epoch.js';
import { type RedisCluster, startCluster } from '../support/redis-cluster.js';
import { startProxy, type Proxy as TcpProxy } from '../support/tcp-proxy.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const drivers = ['ioredis', 'node-redis'] as const;
type Driver = (typeof drivers)[number];

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  await cluster.healthy();
  await cluster.flush();
});

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

interface Options {
  readonly ports?: readonly number[];
  readonly proxies?: ReadonlyMap<number, TcpProxy>;
  readonly maxStaleness?: number;
  readonly budget?: number;
}

async function cacheOf(
  driver: Driver,
  { ports = cluster.ports, proxies, maxStaleness = 1_000, budget = 500 }: Options = {},
): Promise<TieredCache> {
  const natMap = (announced: string) => proxies?.get(Number(announced.split(':').at(-1)));
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
  const cache = cacheBuilder('shop')
    .memory()
    .cluster({ nodes, driver, natMap })
    .bus({ maxStaleness })
    .budget(budget)
    .logger(quiet)
    .build();
  open.push(cache);
  await cache.ready();
  await eventually(() => cache.health().bus?.trusted === true);
  return cache;
}

/** Of every master's slots. */
const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
const all = (value: string) => keys.map((key) => [key, value] as const);
const copies = (cache: TieredCache) => keys.filter((key) => cache.peek(key) !== undefined);
const stale = async (cache: TieredCache) => [...(await cache.getMany(keys))].filter(([, value]) => value === 'old');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Once the writer's messages have come, or a read under way might be marked by them and keep no copy. */
async function known(reader: TieredCache, writer: TieredCache): Promise<void> {
  await writer.setMany(all('old'));
  await eventually(async () => {
    await reader.getMany(keys);
    return copies(reader).length === keys.length;
  });
}

describe.each(drivers)('two caches on a Cluster over %s', (driver) => {
  let reader: TieredCache;
  let writer: TieredCache;

  describe('and the bus', () => {
    beforeEach(async () => {
      reader = await cacheOf(driver);
      writer = await cacheOf(driver);
      await known(reader, writer);
    });

    it.each<[string, (cache: TieredCache) => Promise<unknown>]>([
      ['set', (cache) => Promise.all(keys.map((key) => cache.set(key, 'new')))],
      ['setMany', (cache) => cache.setMany(all('new'))],
      ['delete', (cache) => Promise.all(keys.map((key) => cache.delete(key)))],
      ['deletePattern', (cache) => cache.deletePattern('k*')],
      ['clear', (cache) => cache.clear()],
      ['a fill', (cache) => Promise.all(keys.map((key) => cache.getOrSet(key, () => 'new', { forceFresh: true })))],
    ])('%s takes the copies of every slot out of the other L1', async (_name, change) => {
      await change(writer);
      await eventually(() => copies(reader).length === 0, { every: 1 });
      expect(await reader.getMany(keys)).toEqual(await writer.getMany(keys));
      expect(await stale(reader)).toEqual([]);
    });

    it('and the subscribers of one master are killed while keys change: none is stale, and trust comes back', async () => {
      const lost = new Promise<void>((resolve) => reader.on('trust', ({ trusted }) => trusted || resolve()));
      const [first] = await cluster.masters();
      const kill = () => cluster.cli(first?.port ?? 0, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
      const killing = setInterval(() => void kill(), 5);
      await kill();
      for (const [key] of all('new')) await writer.set(key, 'new');
      clearInterval(killing);
      await lost;
      expect(await stale(reader)).toEqual([]);
      await eventually(() => reader.health().bus?.trusted === true);
      expect(await stale(reader)).toEqual([]);
      await eventually(async () => {
        await reader.getMany(keys);
        return copies(reader).length === keys.length;
      });
    });
  });

  it('one of which has a half-open subscriber at one master: trust ends in time and comes back', async () => {
    const [first] = await cluster.masters();
    const port = first?.port ?? 0;
    const proxy = await startProxy(port);
    reader = await cacheOf(driver, { proxies: new Map([[port, proxy]]) });
    writer = await cacheOf(driver);
    open.push(proxy);
    await known(reader, writer);
    const listed = await cluster.cli(port, 'CLIENT', 'LIST', 'TYPE', 'pubsub');
    const from = performance.now();
    proxy.pauseOnly(new Set(Array.from(listed.matchAll(/ addr=\S+:(\d+) /g), ([, from]) => Number(from))));
    await eventually(() => reader.health().bus?.trusted === false, { within: 10_000 });
    // A second is promised; the rest is for slow machines.
    expect(performance.now() - from).toBeLessThan(3_000);
    await writer.setMany(all('new'));
    expect(await stale(reader)).toEqual([]);
    // The connection is given up for a new one, which the proxy lets through.
    await eventually(() => reader.health().bus?.trusted === true, { within: 15_000 });
    expect(await stale(reader)).toEqual([]);
    expect(writer.stats().bus?.trustLost).toBe(0);
  });
});

it('after trust was lost thousands of reads are few: each key once, and what is asked together goes together', async () => {
  for (const driver of drivers) {
    // However busy the machine is, nothing may come too late here: what failed would be served from memory.
    const reader = await cacheOf(driver, { budget: 20_000 });
    const writer = await cacheOf(driver, { budget: 20_000 });
    const many = Array.from({ length: 300 }, (_, index) => `many:${index}`);
    await writer.setMany(many.map((key) => [key, 'v'] as const));
    await eventually(async () => {
      await reader.getMany(many);
      return many.every((key) => reader.peek(key) !== undefined);
    });
    const lost = () => many.every((key) => reader.peek(key) === undefined);
    for (const { port } of await cluster.masters()) await cluster.cli(port, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(lost, { every: 1 });
    await eventually(() => reader.health().bus?.trusted === true);
    const traffic = await cluster.traffic(async () => {
      // Ten callers for each key, of whom the first ten ask for the first one.
      const values = await Promise.all(many.flatMap((key) => Array.from({ length: 10 }, () => reader.get(key))));
      expect(new Set(values)).toEqual(new Set(['v']));
    });
    const gets = [...traffic.values()].reduce((sum, { commands }) => sum + (commands.get('get') ?? 0), 0);
    expect(gets).toBeGreaterThanOrEqual(many.length);
    // Callers of several turns, and trust that is lost once more, make it some more; alone each would ask for itself.
    expect(gets).toBeLessThanOrEqual(3 * many.length);
    for (const { commands, reads } of traffic.values()) {
      if (commands.has('get')) expect(reads, driver).toBeLessThan((commands.get('get') as number) / 2);
    }
    await eventually(async () => {
      await reader.getMany(many);
      return many.every((key) => reader.peek(key) === 'v');
    });
  }
});

describe('a master that is cut off from the others and answers as if nothing were', () => {
  it('is heard by itself as long as it is the master, and left when it was replaced', async () => {
    const cutOff = await cluster.nodeFor('{k0}');
    await raiseEpoch(cluster, (await cluster.masters()).find(({ port }) => port !== cutOff.port)?.port ?? 0);
    const readers = await Promise.all(drivers.map((driver) => cacheOf(driver, { maxStaleness: 400 })));
    const writer = await cacheOf('ioredis');
    const replica = (await cluster.replicas()).find(({ masterId }) => masterId === cutOff.id)?.port ?? 0;
    const own = keys.filter((key) => cutOff.slots.some(([first, last]) => first <= slotOf(key) && slotOf(key) <= last));
    for (const reader of readers) await known(reader, writer);
    // New connections look at the map more often.
    await pause(500);
    const ids = await Promise.all(cluster.ports.map((port) => cluster.cli(port, 'CLUSTER', 'MYID')));
    for (const id of ids) if (id !== cutOff.id) await cluster.cli(cutOff.port, 'CLUSTER', 'FORGET', id);

    // No node passes these on.
    await Promise.all(own.map((key) => writer.set(key, 'middle')));
    for (const reader of readers) await eventually(() => own.every((key) => reader.peek(key) === undefined), { every: 1 });
    for (const reader of readers) await reader.getMany(own);
    // It would have what it set lately made good at the new master, and what others set there would go.
    await writer.close();

    await cluster.cli(replica, 'CLUSTER', 'FAILOVER', 'TAKEOVER');
    const elsewhere = cluster.ports.filter((port) => port !== cutOff.port);
    await eventually(async () => {
      const seen = await Promise.all(elsewhere.map((port) => cluster.cli(port, 'CLUSTER', 'NODES')));
      return seen.every((nodes) => nodes.split('\n').some((line) => line.includes(`:${replica}@`) && line.includes('master')));
    });
    const successor = await cacheOf('ioredis', { ports: elsewhere });
    await Promise.all(own.map((key) => successor.set(key, 'new')));
    expect(successor.stats().l2Errors).toBe(0);
    // 400 ms are promised; the rest is for slow machines.
    await pause(1_000);
    for (const reader of readers) {
      expect([...(await reader.getMany(own))]).toEqual(own.map((key) => [key, 'new']));
      await eventually(() => reader.health().bus?.trusted === true, { within: 15_000 });
    }
    await Promise.all(own.map((key) => successor.set(key, 'newer')));
    for (const reader of readers)
      await eventually(async () => (await reader.get(own[0] as string)) === 'newer', { within: 400 });
    expect(await cluster.cli(cutOff.port, 'GET', `shop:cache:{${own[0]}}`)).toContain('middle');
  });
});
