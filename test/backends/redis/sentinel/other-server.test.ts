import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectSentinel } from '../../../../src/backends/redis/sentinel.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisSentinel, startSentinel } from '../../../support/redis-sentinel.js';
import { type Sightings, watchServers } from '../sightings.js';
import { libraries, optionsFor } from './sentinel-libraries.js';

describe('that another master answers behind Sentinels', () => {
  let topology: RedisSentinel;
  let watched: Sightings[] = [];
  beforeAll(async () => {
    topology = await startSentinel({ replicas: 1, password: 'node-secret' });
  });
  afterAll(() => topology?.stop());
  afterEach(() => Promise.all(watched.map((each) => each.stop())));

  it('is told before its first answer, by plan or by accident, and not of the first one', async () => {
    const options = optionsFor(topology);
    watched = libraries.flatMap(({ library, connect, client }) => [
      watchServers(library, connect(options)),
      watchServers(`a client of ${library}`, connectSentinel({ client: client(options) })),
    ]);
    const since = performance.now();
    await eventually(() => watched.every(({ answers }) => answers > 0), { within: 15_000 });
    await eventually(() => performance.now() - since > 1_100);
    expect(watched.map(({ told }) => told)).toEqual(watched.map(() => 0));
    const followed = async (port: number) => {
      const info = await topology.cli(port, 'INFO', 'server');
      await eventually(() => watched.every(({ server }) => info.includes(server)), { within: 20_000 });
      for (const each of watched) each.expectToldInTime();
    };

    await followed(await topology.failover());
    await topology.healthy();
    const master = await topology.master();
    await topology.kill(master);
    await followed(await topology.waitForMaster({ otherThan: master, within: 20_000 }));
  });
});
