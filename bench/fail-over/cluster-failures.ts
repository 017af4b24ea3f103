import { createCluster } from '@redis/client';
import { Cluster } from 'ioredis';
import { connectCluster } from '../../src/backends/redis/cluster.js';
import { startCluster } from '../../test/support/redis-cluster.js';
import type { FailingTopology, Writer } from './observe.js';
import { cacheWriter, connectionWriter } from './our-writers.js';

const drivers = ['ioredis', 'node-redis'] as const;
/** All counters are in one slot, so that one master has them all. */
const tag = '{n}';

/** Three masters with a replica each, which call a node down after 1 s. */
export async function clusterFailures(): Promise<FailingTopology> {
  const topology = await startCluster();
  const { addresses: nodes } = topology;
  let victim = 0;
  let run = 0;
  const begin = async () => {
    victim = (await topology.nodeFor(tag)).port;
  };
  const replicaOf = async (port: number) => {
    const masters = await topology.masters();
    const id = masters.find((master) => master.port === port)?.id;
    const replica = (await topology.replicas()).find(({ masterId }) => masterId === id);
    if (replica === undefined) throw new Error(`the master on port ${port} has no replica`);
    return replica.port;
  };
  const mended = () => topology.healthy({ within: 30_000 }).then(() => topology.flush());

  return {
    failures: [
      {
        name: 'Cluster: a master is killed',
        cause: () => begin().then(() => topology.kill(victim)),
        over: () => topology.healthy({ within: 30_000 }),
        mend: () => topology.restart(victim).then(mended),
      },
      {
        name: 'Cluster: a master freezes',
        cause: () => begin().then(() => topology.freeze(victim)),
        over: () => topology.healthy({ within: 30_000 }),
        async mend() {
          topology.thaw(victim);
          await mended();
        },
      },
      {
        name: 'Cluster: a fail-over is asked for',
        cause: () => begin().then(async () => topology.failover(await replicaOf(victim))),
        over: () => topology.healthy(),
        mend: mended,
      },
    ],
    writers() {
      run++;
      const ours = drivers.flatMap((driver): Writer[] => [
        connectionWriter(`our connection, ${driver}`, connectCluster({ nodes, driver }), `${tag} our connection, ${driver}`),
        cacheWriter(`our cache, ${driver}`, `cache-${driver}-${run}`, 'n', (builder) => builder.cluster({ nodes, driver })),
      ]);
      return [...ours, rawIoredis(), rawNodeRedis()];
    },
    async counted(writer) {
      const [, driver] = /^our cache, (.*)$/.exec(writer) ?? [];
      const key = driver === undefined ? `${tag} ${writer}` : `cache-${driver}-${run}:cache:{n}`;
      const text = await topology.cli((await topology.nodeFor(tag)).port, 'GET', key);
      return Number(driver === undefined ? text : text.split('\n').at(-1)) || 0;
    },
    stop: topology.stop,
  };

  function rawIoredis(): Writer {
    const client = new Cluster([...nodes]);
    client.on('error', () => {});
    return { name: 'ioredis as it is', write: () => client.incr(`${tag} ioredis as it is`), close: () => client.disconnect() };
  }

  function rawNodeRedis(): Writer {
    const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })) });
    client.on('error', () => {});
    const connected = client.connect();
    return {
      name: '@redis/client as it is',
      write: () => connected.then(() => client.incr(`${tag} @redis/client as it is`)),
      close: () => client.destroy(),
    };
  }
}
