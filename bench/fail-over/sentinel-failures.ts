import { createSentinel } from '@redis/client';
import { Redis } from 'ioredis';
import { connectSentinel } from '../../src/backends/redis/sentinel.js';
import { startSentinel } from '../../test/support/redis-sentinel.js';
import type { FailingTopology, Writer } from './observe.js';
import { cacheWriter, connectionWriter } from './our-writers.js';

const drivers = ['ioredis', 'node-redis'] as const;

/** One master, two replicas, three Sentinels that call a master down after 1 s. */
export async function sentinelFailures(): Promise<FailingTopology> {
  const topology = await startSentinel();
  const { masterName: name, sentinels } = topology;
  const followed = (before: number) => topology.waitForMaster({ otherThan: before });
  let victim = 0;
  let run = 0;
  const begin = async () => {
    victim = await topology.master();
  };
  const mended = () => topology.healthy().then(() => topology.flush());

  return {
    failures: [
      {
        name: 'Sentinel: the master is killed',
        cause: () => begin().then(() => topology.kill(victim)),
        over: () => followed(victim),
        mend: () => topology.restart(victim).then(mended),
      },
      {
        name: 'Sentinel: the master freezes',
        cause: () => begin().then(() => topology.freeze(victim)),
        over: () => followed(victim),
        async mend() {
          topology.thaw(victim);
          await mended();
        },
      },
      {
        name: 'Sentinel: a fail-over is asked for',
        cause: () => begin().then(() => topology.failover()),
        over: async () => {},
        mend: mended,
      },
    ],
    writers() {
      run++;
      const ours = drivers.flatMap((driver): Writer[] => [
        connectionWriter(
          `our connection, ${driver}`,
          connectSentinel({ name, sentinels, driver }),
          `our connection, ${driver}`,
        ),
        cacheWriter(`our cache, ${driver}`, `cache-${driver}-${run}`, 'n', (builder) =>
          builder.sentinel({ name, sentinels, driver }),
        ),
      ]);
      return [...ours, rawIoredis(), rawNodeRedis()];
    },
    async counted(writer) {
      const [, driver] = /^our cache, (.*)$/.exec(writer) ?? [];
      const key = driver === undefined ? writer : `cache-${driver}-${run}:cache:{n}`;
      const text = await topology.cli(await topology.master(), 'GET', key);
      return Number(driver === undefined ? text : text.split('\n').at(-1)) || 0;
    },
    stop: topology.stop,
  };

  function rawIoredis(): Writer {
    const client = new Redis({ name, sentinels: [...sentinels] });
    client.on('error', () => {});
    return { name: 'ioredis as it is', write: () => client.incr('ioredis as it is'), close: () => client.disconnect() };
  }

  function rawNodeRedis(): Writer {
    const client = createSentinel({ name, sentinelRootNodes: [...sentinels] });
    client.on('error', () => {});
    const connected = client.connect();
    return {
      name: '@redis/client as it is',
      write: () => connected.then(() => client.incr('@redis/client as it is')),
      close: () => client.destroy(),
    };
  }
}
