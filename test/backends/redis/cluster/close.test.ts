import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { ClosedError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';
import { freePort } from '../../../support/free-port.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { startProxy } from '../../../support/tcp-proxy.js';
import { watchLeftovers } from '../leftovers.js';
import { ask, rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());

const keys = Array.from({ length: 30 }, (_, index) => `key:${index}`);
const deaf = { message: () => {}, state: () => {} };

describe.each(libraries)('close over $library', ({ connect }) => {
  /** Closes a connection that `prepare` brought into some state, and expects that nothing of it is left. */
  async function expectNothingLeft(
    options: Parameters<typeof connect>[0],
    prepare: (connection: Connection) => Promise<unknown>,
  ): Promise<void> {
    const leftovers = await watchLeftovers();
    try {
      const connection = connect(options);
      await prepare(connection);
      await connection.close();
      leftovers.stop();
      expect(connection.state).toBe('closed');
      expect(await rejection(ask(connection, 'GET', 'k'))).toBeInstanceOf(ClosedError);
      expect(await rejection(connection.batch([{ key: 'k', args: ['GET', 'k'] }], within()))).toBeInstanceOf(ClosedError);
      expect(await rejection(connection.subscribe('c', deaf))).toBeInstanceOf(ClosedError);
      await connection.connect();
      await connection.close();
      await eventually(() => expect(leftovers.left()).toEqual({ timers: [], sockets: 0 }), { within: 1_000 });
    } finally {
      leftovers.end();
    }
  }

  it('leaves nothing when it never connected', () => expectNothingLeft({ nodes: cluster.addresses }, async () => {}));

  it('leaves nothing when it is ready and listens', () =>
    expectNothingLeft({ nodes: cluster.addresses }, async (connection) => {
      await connection.getMany(keys, within());
      await connection.subscribe('news', deaf);
    }));

  it('leaves nothing in the very tick in which it begins to connect', () =>
    expectNothingLeft({ nodes: cluster.addresses }, async (connection) => {
      void connection.connect();
    }));

  it('leaves nothing when it has found nobody', async () =>
    expectNothingLeft({ nodes: [`127.0.0.1:${await freePort()}`] }, async (connection) => {
      await connection.subscribe('news', deaf);
      expect(connection.state).toBe('down');
    }));

  it('leaves nothing while it looks for nodes that do not answer', async () => {
    const [first, second] = cluster.ports as [number, number];
    cluster.freeze(first);
    cluster.freeze(second);
    await expectNothingLeft({ nodes: [`127.0.0.1:${first}`, `127.0.0.1:${second}`] }, async (connection) => {
      const waiting = rejection(ask(connection, 'GET', 'k'));
      expect(connection.state).toBe('connecting');
      const closing = connection.close();
      expect(await waiting).toBeInstanceOf(ClosedError);
      await closing;
    });
    cluster.thaw(first);
    cluster.thaw(second);
    await cluster.healthy();
  });

  it('leaves nothing while a node is frozen, and gives up what waits for it', async () => {
    const { port } = await cluster.nodeFor('k');
    let waiting: Promise<Error> | undefined;
    await expectNothingLeft({ nodes: cluster.addresses, drainTimeout: 100, stallTimeout: 60_000 }, async (connection) => {
      await connection.subscribe('news', deaf);
      cluster.freeze(port);
      waiting = rejection(ask(connection, 'GET', 'k'));
      expect((await connection.getMany(keys, within(200))).some((value) => value === null)).toBe(true);
    });
    expect(await waiting).toBeInstanceOf(ClosedError);
    cluster.thaw(port);
    await cluster.healthy();
  });

  it('lets what is in flight finish', async () => {
    const connection = connect({ nodes: cluster.addresses });
    await connection.connect();
    const slow = connection.command({ key: 'list', args: ['BLPOP', 'list', '5'] }, within());
    const closing = connection.close();
    expect(await rejection(ask(connection, 'GET', 'k'))).toBeInstanceOf(ClosedError);
    await cluster.cli((await cluster.nodeFor('list')).port, 'RPUSH', 'list', 'late');
    expect(await slow).toEqual([Buffer.from('list'), Buffer.from('late')]);
    await closing;
  });

  it('ends the link to a node that it does not need any more', async () => {
    const proxy = await startProxy(cluster.ports[0] as number);
    const connection = connect({ nodes: [proxy], drainTimeout: 100 });
    // The nodes announce where they are themselves, so nothing goes through the proxy once that is known.
    await connection.getMany(keys, within());
    await eventually(() => proxy.connections === 0);
    expect(await connection.getMany(keys, within())).toEqual(keys.map(() => null));
    await connection.close();
    await proxy.close();
  });

  it('tells its listeners once', async () => {
    const connection = connect({ nodes: cluster.addresses });
    const states: string[] = [];
    connection.onState((state) => states.push(state));
    const stop = connection.onState(() => states.push('never'));
    stop();
    await connection.connect();
    await Promise.all([connection.close(), connection.close()]);
    expect(states).toEqual(['connecting', 'ready', 'closed']);
  });
});
