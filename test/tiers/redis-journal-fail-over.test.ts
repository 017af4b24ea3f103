import { type CacheBuilder, cacheBuilder, type TieredCache } from 'tierkeep';
import { afterEach, describe, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { changeAll, expectChanged, putDown, quiet, witnessOf } from '../support/journal-changes.js';
import { startCluster } from '../support/redis-cluster.js';
import { startSentinel } from '../support/redis-sentinel.js';
import { sendCommand } from '../support/resp.js';

/** A topology with a master that will die, and the replica that follows it. */
interface Site extends AsyncDisposable {
  readonly master: number;
  readonly replica: number;
  through(builder: CacheBuilder, driver: 'ioredis' | 'node-redis'): CacheBuilder;
  /** Resolves when the replica has taken over. */
  kill(): Promise<unknown>;
}

async function sentinelSite(): Promise<Site> {
  const topology = await startSentinel({ replicas: 1 });
  const master = await topology.master();
  const replica = topology.nodes.find(({ port }) => port !== master)?.port as number;
  const { masterName: name, sentinels } = topology;
  return {
    master,
    replica,
    through: (builder, driver) => builder.sentinel({ name, sentinels, driver }),
    async kill() {
      await topology.kill(master);
      await topology.waitForMaster({ otherThan: master, within: 20_000 });
    },
    [Symbol.asyncDispose]: () => topology.stop(),
  };
}

async function clusterSite(): Promise<Site> {
  const cluster = await startCluster();
  const master = (await cluster.masters())[0]?.port as number;
  const id = await cluster.cli(master, 'CLUSTER', 'MYID');
  const replica = (await cluster.replicas()).find(({ masterId }) => masterId === id)?.port as number;
  return {
    master,
    replica,
    through: (builder, driver) => builder.cluster({ nodes: cluster.addresses, driver }),
    async kill() {
      await cluster.kill(master);
      const replaced = async () => (await cluster.masters()).some(({ port }) => port === replica);
      await eventually(replaced, { within: 20_000, every: 50 });
    },
    [Symbol.asyncDispose]: () => cluster.stop(),
  };
}

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

function opened<T extends AsyncDisposable>(resource: T): T {
  open.push(resource);
  return resource;
}

/** Nothing of what the master acknowledges from now on reaches its replica. */
async function endReplication({ master, replica }: Site): Promise<void> {
  const size = (port: number) => sendCommand(port, ['DBSIZE']);
  await eventually(async () => (await size(master)) === (await size(replica)), { within: 20_000 });
  await sendCommand(master, ['ACL', 'SETUSER', 'default', '-psync', '-sync']);
  await sendCommand(master, ['CLIENT', 'KILL', 'TYPE', 'replica']);
}

describe.each([
  ['Sentinel', sentinelSite],
  ['Cluster', clusterSite],
])('%s: a replica takes over that lacks the last writes', (_, startSite) => {
  it('what was acknowledged just before is in force after', async () => {
    const site = opened(await startSite());
    const drivers = ['ioredis', 'node-redis'] as const;
    const witness = (driver: (typeof drivers)[number]) => opened(witnessOf((builder) => site.through(builder, driver), driver));
    const caches = await Promise.all(
      drivers.map(async (driver): Promise<TieredCache> => {
        const builder = site.through(cacheBuilder(driver).budget('5s').memory().logger(quiet), driver);
        const cache = opened(builder.circuitBreaker({ resetTimeout: '200ms' }).bus({ maxStaleness: '1s' }).build());
        await cache.ready();
        await putDown(witness(driver));
        return cache;
      }),
    );
    await endReplication(site);
    await Promise.all(
      caches.map(async (cache) => {
        await changeAll(cache);
        await eventually(() => cache.health().journal?.names === 0);
      }),
    );
    await site.kill();
    for (const [index, driver] of drivers.entries()) {
      const reader = witness(driver);
      const inForce = async () => {
        const { status, journal } = caches[index]?.health() ?? {};
        if (status !== 'ok' || journal?.names !== 0)
          throw new Error(`${status}, ${journal?.names} names: ${journal?.lastError}`);
        await expectChanged(reader, 'sets may be gone');
        await expectChanged(caches[index] as TieredCache, 'sets may be gone');
      };
      await eventually(inForce, { within: 20_000, every: 50 });
    }
  });
});
