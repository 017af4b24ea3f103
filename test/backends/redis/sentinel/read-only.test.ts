import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../support/eventually.js';
import { type RedisSentinel, startSentinel } from '../../../support/redis-sentinel.js';
import { ask, within } from '../libraries.js';
import { libraries, optionsFor } from './sentinel-libraries.js';

describe('a master that is made a replica under the connection', () => {
  let topology: RedisSentinel;
  beforeAll(async () => {
    topology = await startSentinel({ replicas: 1 });
  });
  afterAll(() => topology?.stop());

  it('refuses writes, which then go to the new one, once each and without an error', async () => {
    // Without their events only the READONLY tells.
    for (const { port } of topology.sentinels) {
      await topology.cli(port, 'ACL', 'SETUSER', 'deaf', 'on', '>d', '&*', '+@all', '-subscribe', '-psubscribe');
    }
    const old = await topology.master();
    const connections = libraries.map(({ connect }) =>
      connect({ ...optionsFor(topology), sentinelUsername: 'deaf', sentinelPassword: 'd' }),
    );
    const since = performance.now();
    for (const connection of connections) await ask(connection, 'PING');
    const master = await topology.failover();
    await eventually(() => performance.now() - since > 1_100);
    // By hand, because the Sentinels also cut connections when they do it.
    await topology.cli(old, 'REPLICAOF', '127.0.0.1', String(master));

    for (const [index, connection] of connections.entries()) {
      const { library } = libraries[index] as (typeof libraries)[number];
      const single = ask(connection, 'INCR', `${library}:single`);
      const batch = connection.batch(
        ['a', 'b'].map((name) => ({ key: name, args: ['INCR', `${library}:${name}`] })),
        within(),
      );
      expect(await single, library).toBe(1);
      expect(await batch, library).toEqual([1, 1]);
      const keys = ['single', 'a', 'b'].map((name) => `${library}:${name}`);
      expect(await topology.cli(master, 'MGET', ...keys), library).toBe('1\n1\n1');
    }
    await Promise.all(connections.map((connection) => connection.close()));
  });
});
