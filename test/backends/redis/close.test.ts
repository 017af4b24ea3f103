import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { ClosedError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { watchLeftovers } from './leftovers.js';
import { ask, libraries, rejection, within } from './libraries.js';

const deaf = { message: () => {}, state: () => {} };
const all = { prefix: 'shop:', invalidated() {} };

describe.each(libraries)('close over $library', ({ connect }) => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    server.thaw();
    await server.stop();
  });

  /** Closes a connection that `prepare` brought into some state, and expects that nothing of it is left. */
  async function expectNothingLeft(make: () => Connection, prepare: (connection: Connection) => Promise<unknown>) {
    const leftovers = await watchLeftovers();
    try {
      const connection = make();
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

  it('leaves nothing when it never connected', () =>
    expectNothingLeft(
      () => connect({ url: server.url }),
      async () => {},
    ));

  it('leaves nothing when it is ready', () =>
    expectNothingLeft(
      () => connect({ url: server.url }),
      async (connection) => {
        await ask(connection, 'SET', 'k', 'v');
        await connection.subscribe('news', deaf);
        await connection.subscribe('news', deaf, all);
      },
    ));

  it('leaves nothing while it connects to a server that does not answer', async () => {
    server.freeze();
    await expectNothingLeft(
      () => connect({ url: server.url }),
      async (connection) => {
        const waiting = ask(connection, 'GET', 'k');
        waiting.catch(() => {});
        expect(connection.state).toBe('connecting');
        const closing = connection.close();
        expect(await rejection(waiting)).toBeInstanceOf(ClosedError);
        await closing;
      },
    );
  });

  it('leaves nothing in the very tick in which it begins to connect', () =>
    expectNothingLeft(
      () => connect({ url: server.url }),
      async (connection) => {
        void connection.connect();
      },
    ));

  it('leaves nothing in the very tick in which it begins to listen', async () => {
    let listening: Promise<Error> | undefined;
    await expectNothingLeft(
      () => connect({ url: server.url }),
      async (connection) => {
        listening = rejection(connection.subscribe('news', deaf, all));
      },
    );
    expect(await listening).toBeInstanceOf(ClosedError);
  });

  it('leaves nothing while the server is down', async () => {
    const port = await freePort();
    await expectNothingLeft(
      () => connect({ host: '127.0.0.1', port }),
      async (connection) => {
        await connection.subscribe('news', deaf);
        await connection.subscribe('news', deaf, all);
        await connection.connect();
        expect(connection.state).toBe('down');
      },
    );
  });

  it('leaves nothing when the server is frozen, and gives up what it waits for', async () => {
    let inFlight: Promise<Error> | undefined;
    await expectNothingLeft(
      () => connect({ url: server.url, drainTimeout: 100, stallTimeout: 60_000 }),
      async (connection) => {
        await connection.connect();
        await connection.subscribe('news', deaf);
        await connection.subscribe('news', deaf, all);
        server.freeze();
        inFlight = rejection(connection.command({ key: 'k', args: ['GET', 'k'] }, within()));
      },
    );
    expect(await inFlight).toBeInstanceOf(ClosedError);
  });

  it('lets what is in flight finish', async () => {
    const connection = connect({ url: server.url });
    await connection.connect();
    const slow = connection.command({ key: 'list', args: ['BLPOP', 'list', '5'] }, within());
    const closing = connection.close();
    expect(await rejection(ask(connection, 'GET', 'k'))).toBeInstanceOf(ClosedError);
    await server.cli('RPUSH', 'list', 'late');
    expect(await slow).toEqual([Buffer.from('list'), Buffer.from('late')]);
    await closing;
  });

  it('tells its listeners once', async () => {
    const connection = connect({ url: server.url });
    const states: string[] = [];
    connection.onState((state) => states.push(state));
    const stop = connection.onState(() => states.push('never'));
    stop();
    await connection.connect();
    await Promise.all([connection.close(), connection.close()]);
    expect(states).toEqual(['connecting', 'ready', 'closed']);
  });
});
