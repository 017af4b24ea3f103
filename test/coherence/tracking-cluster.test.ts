import { cacheBuilder, type Duration, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { slotOf } from '../../src/backends/redis/slots.js';
import { physicalKeys } from '../../src/entries/keys.js';
import { libraries } from '../backends/redis/cluster/libraries.js';
import { eventually } from '../support/eventually.js';
import { freeClusterPort } from '../support/free-port.js';
import { type RedisCluster, startCluster } from '../support/redis-cluster.js';
import { startRedis } from '../support/redis-server.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());
beforeEach(() => cluster.flush());

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
const nameOf = (key: string) => `shop:cache:{${key}}`;
const slow = { within: 15_000 };
const trust = (cache: TieredCache, wanted: boolean) =>
  eventually(() => cache.health().bus?.trusted === wanted || Promise.reject(new Error(cache.health().bus?.reason)), slow);

async function foreign(key: string, ...command: string[]): Promise<string> {
  return cluster.cli((await cluster.nodeFor(key)).port, ...command);
}

interface Options {
  readonly mode?: 'tracking' | 'pub-sub';
  /** Patient by default: a machine under load must not cost trust where that is not what is tested. */
  readonly maxStaleness?: Duration;
}

async function cacheOf({ client }: (typeof libraries)[number], options: Options = {}): Promise<TieredCache> {
  const { mode = 'tracking', maxStaleness = '30s' } = options;
  const builder = cacheBuilder('shop')
    .memory()
    .cluster({ client: client(cluster.addresses) });
  const cache = builder.bus({ mode, maxStaleness }).budget('5s').build();
  open.push(cache);
  await cache.ready();
  await trust(cache, true);
  return cache;
}

async function holds(cache: TieredCache, wanted: readonly string[]): Promise<void> {
  await eventually(async () => {
    await cache.getMany(wanted);
    return wanted.every((key) => cache.peek(key) !== undefined);
  }, slow);
}

/** Copies in all of them that no message which is still on its way takes out again: the nodes pass on to each other what is published. */
async function settle(...caches: TieredCache[]): Promise<void> {
  const malformed = (cache: TieredCache) => cache.stats().bus?.malformed ?? 0;
  const before = caches.map(malformed);
  for (const cache of caches) await holds(cache, keys);
  for (const { port } of await cluster.masters()) await cluster.cli(port, 'PUBLISH', 'shop:bus', 'the last one from here');
  const copies = (await cluster.masters()).length ** 2;
  await eventually(() => caches.every((cache, index) => malformed(cache) >= (before[index] as number) + copies), slow);
  for (const cache of caches) await holds(cache, keys);
}

describe.each(libraries)('a cache that tracks in a Cluster, over $library', (library) => {
  it('hears of every key, at whichever master it is changed; without tracking it does not', async () => {
    const [cache, deaf] = [await cacheOf(library), await cacheOf(library, { mode: 'pub-sub' })];
    await cache.setMany(keys.map((key) => [key, 'old']));
    await settle(cache, deaf);
    expect(new Set(await Promise.all(keys.map(async (key) => (await cluster.nodeFor(key)).port))).size).toBe(3);
    for (const key of keys) await foreign(key, 'DEL', nameOf(key));
    await eventually(() => keys.every((key) => cache.peek(key) === undefined));
    expect(keys.filter((key) => deaf.peek(key) === 'old')).toEqual(keys);
    expect(cache.stats().bus?.trustLost).toBe(0);
  });

  it('FLUSHALL on one master empties L1, and what the others have comes back', async () => {
    const cache = await cacheOf(library);
    await cache.setMany(keys.map((key) => [key, 'old']));
    await settle(cache);
    // Where the version of the whole cache is, everything would go with it.
    const { port: kept } = await cluster.nodeFor(physicalKeys('shop').version('n'));
    const port = cluster.ports.find((each) => each !== kept) as number;
    await cluster.cli(port, 'FLUSHALL');
    await eventually(() => keys.every((key) => cache.peek(key) === undefined));
    const left = await Promise.all(keys.map(async (key) => (await cluster.nodeFor(key)).port !== port));
    expect([...(await cache.getMany(keys)).keys()].sort()).toEqual(keys.filter((_, index) => left[index]).sort());
  });

  it('one tracker that is killed costs trust, until all stand again', async () => {
    const cache = await cacheOf(library);
    await cache.setMany(keys.map((key) => [key, 'old']));
    await holds(cache, keys);
    const lost = new Promise<void>((resolve) => cache.on('trust', ({ trusted }) => trusted || resolve()));
    await foreign('k0', 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    await foreign('k0', 'DEL', nameOf('k0'));
    await lost;
    await trust(cache, true);
    expect(await cache.get('k0')).toBeUndefined();
    await holds(cache, ['k1']);
    await foreign('k1', 'DEL', nameOf('k1'));
    await eventually(() => cache.peek('k1') === undefined);
  });

  it('a slot that moves to another master is heard there', async () => {
    const cache = await cacheOf(library);
    await cache.set('k0', 'old');
    const { port } = await cluster.nodeFor('k0');
    const other = cluster.ports.find((each) => each !== port) as number;
    await cluster.moveSlot(slotOf('k0'), other);
    await holds(cache, ['k0']);
    expect((await cluster.nodeFor('k0')).port).toBe(other);
    await cluster.cli(other, 'DEL', nameOf('k0'));
    await eventually(() => cache.peek('k0') === undefined);
  });
});

it('nothing is trusted while a slot goes to a node that had none, and then that node is heard too', async () => {
  const newcomer = await startRedis({ pickPort: freeClusterPort, args: ['--cluster-enabled', 'yes'] });
  onTestFinished(() => newcomer.stop());
  const caches = await Promise.all(libraries.map((library) => cacheOf(library, { maxStaleness: '1s' })));
  // Whoever set it would tell the new node of it again.
  const writer = await cacheOf(libraries[0]);
  await writer.set('k0', 'old');
  await writer.close();
  await Promise.all(caches.map((cache) => holds(cache, ['k0'])));
  await cluster.cli(cluster.ports[0] as number, 'CLUSTER', 'MEET', '127.0.0.1', String(newcomer.port));
  await eventually(async () => (await newcomer.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'), slow);
  const move = await cluster.beginMove(slotOf('k0'), newcomer.port);
  await move.migrate();
  for (const cache of caches) {
    await eventually(() => /not listened to/.test(cache.health().bus?.reason ?? ''), slow);
    expect(await cache.get('k0')).toBe('old');
    expect(cache.peek('k0')).toBeUndefined();
  }
  await move.finish();
  await Promise.all(caches.map((cache) => trust(cache, true)));
  await Promise.all(caches.map((cache) => holds(cache, ['k0'])));
  await newcomer.cli('DEL', nameOf('k0'));
  for (const cache of caches) await eventually(() => cache.peek('k0') === undefined);
});
