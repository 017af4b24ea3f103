import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../src/backends/redis/connection.js';
import { redisStore } from '../../src/backends/redis/redis-store.js';
import { systemClock } from '../../src/clock.js';
import { libraries as toCluster } from '../backends/redis/cluster/libraries.js';
import { libraries } from '../backends/redis/libraries.js';
import { leastReads, type Traffic } from '../support/cluster-traffic.js';
import { eventually } from '../support/eventually.js';
import { type RedisCluster, startCluster } from '../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { type SimulatedProcess, simulatedProcess } from '../support/simulated-process.js';

const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `k${from + index}`);

const open: SimulatedProcess[] = [];
afterEach(async () => {
  for (const { cache } of open.splice(0)) await cache.close();
});

/** Patient, since the machine may be busy with other things. */
async function newCache(connection: Connection, name: string): Promise<SimulatedProcess> {
  const store = redisStore(connection, { name, clock: systemClock, leaseMs: 5_000, events: { unreadable() {} } });
  const made = simulatedProcess(systemClock, store, { defaults: { budget: 20_000 } });
  open.push(made);
  await made.cache.ready();
  return made;
}

let server: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startCluster({ replicas: 0 })]);
});
afterAll(async () => {
  await Promise.all([server?.stop(), cluster?.stop()]);
});

describe.each(libraries)('over $library', ({ library, connect }) => {
  const name = `many-${library.replace(/[^a-z0-9]/g, '')}`;
  const cacheHere = () => newCache(connect({ url: server.url }), name);

  it('two processes whose batches have keys in common make each key once', async () => {
    const [one, two] = await Promise.all([cacheHere(), cacheHere()]);
    const made: string[] = [];
    const factory = async (missing: readonly string[]) => {
      made.push(...missing);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return missing.map((key) => `value of ${key}`);
    };
    const answers = await Promise.all([
      one.cache.getOrSetMany(keys(0, 200), factory),
      two.cache.getOrSetMany(keys(100, 300).toReversed(), factory),
    ]);
    expect([...answers[0].keys()]).toEqual(keys(0, 200));
    expect([...answers[1]]).toEqual(
      keys(100, 300)
        .toReversed()
        .map((key) => [key, `value of ${key}`]),
    );
    expect(made.toSorted()).toEqual(keys(0, 300).toSorted());
    await eventually(() => [one, two].every(({ core }) => core.flights.size === 0));
    const third = await cacheHere();
    expect((await third.cache.getMany(keys(0, 300))).size).toBe(300);
  });

  it('thousands of keys are one run, all are stored, and no call to Redis fails', async () => {
    const one = await cacheHere();
    let runs = 0;
    const factory = (missing: readonly string[]) => {
      runs += 1;
      return new Map(missing.map((key) => [key, key]));
    };
    expect((await one.cache.getOrSetMany(keys(10_000, 12_000), factory)).size).toBe(2_000);
    expect([runs, one.cache.stats().l2Errors]).toEqual([1, 0]);
    const two = await cacheHere();
    expect((await two.cache.getOrSetMany(keys(10_000, 12_000), factory)).size).toBe(2_000);
    expect([runs, two.cache.stats().l2Errors]).toEqual([1, 0]);
  });
});

describe.each(toCluster)('on a Cluster over $library', ({ library, connect }) => {
  it('a batch takes a fixed number of round trips per node, however many keys it has', async () => {
    const { cache } = await newCache(connect({ nodes: cluster.urls }), `many-${library.replace(/[^a-z0-9]/g, '')}`);
    let from = 0;
    /** What a node reads is the least of several tries: a client asks about the cluster now and then. */
    const trips = async (count: number): Promise<number> => {
      const tries: Traffic[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        const asked = keys(from, from + count);
        from += count;
        tries.push(await cluster.traffic(() => cache.getOrSetMany(asked, (missing) => missing.map((key) => key))));
      }
      return Math.max(...leastReads(tries).values());
    };
    await trips(30);
    // For the reads, the leases and the fills: of each turn the first goes ahead alone, and the others follow together. One by one there would be 90 and 180 in all.
    expect(await trips(30)).toBeLessThanOrEqual(10);
    expect(await trips(60)).toBeLessThanOrEqual(10);
    expect(cache.stats().l2Errors).toBe(0);
  });
});
