import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { ConnectionError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { ask, libraries, rejection } from './libraries.js';

describe.each(libraries)('servers that cannot serve, over $library', ({ connect }) => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ password: 'right' });
  });
  afterAll(() => server.stop());

  /** Down, with a reason that says why, and still trying. */
  async function expectDown(connection: Connection, reason: RegExp) {
    const reasons: unknown[] = [];
    connection.onState((state, why) => {
      if (state === 'down') reasons.push(why);
    });
    try {
      const error = await rejection(ask(connection, 'SET', 'k', 'v'));
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error.message).toMatch(reason);
      expect(connection.state).toBe('down');
      expect(reasons).toHaveLength(1);
    } finally {
      await connection.close();
    }
  }

  it('a wrong password', () => expectDown(connect({ port: server.port, host: '127.0.0.1', password: 'wrong' }), /WRONGPASS/));

  it('no password', () => expectDown(connect({ port: server.port, host: '127.0.0.1' }), /NOAUTH/));

  it('an unknown user', () =>
    expectDown(connect({ port: server.port, host: '127.0.0.1', username: 'nobody', password: 'right' }), /WRONGPASS/));

  it('a database that does not exist, and nothing is written to another one', async () => {
    await expectDown(connect({ url: server.url, db: 99 }), /DB index is out of range/);
    expect(await server.cli('DBSIZE')).toBe('0');
  });

  it('a host that does not exist', () => expectDown(connect({ host: 'no-such-host.invalid' }), /ENOTFOUND|EAI_AGAIN/));

  it('a port that speaks HTTP', async () => {
    const http = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    await expectDown(
      connect({ host: '127.0.0.1', port: (http.address() as AddressInfo).port }),
      /does not speak the Redis protocol/,
    );
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  it('a port that hangs up at once', async () => {
    const tcp = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    await expectDown(connect({ host: '127.0.0.1', port: (tcp.address() as AddressInfo).port }), /hung up during the handshake/);
    await new Promise((resolve) => tcp.close(resolve));
  });

  it('TLS to a server that has none, and so waits for more', () =>
    expectDown(
      connect({ host: '127.0.0.1', port: server.port, tls: true, connectTimeout: 200 }),
      /no answer to the handshake within 200 ms|hung up/,
    ));

  it('a server that has enough clients', async () => {
    await server.cli('CONFIG', 'SET', 'maxclients', '1');
    const first = connect({ url: server.url });
    try {
      await ask(first, 'PING');
      await expectDown(connect({ url: server.url }), /max number of clients|too many clients/);
    } finally {
      await ask(first, 'CONFIG', 'SET', 'maxclients', '1000');
      await first.close();
    }
  });

  it('a user whom the server forbids even PING and TIME, who is served all the same', async () => {
    await server.cli('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+get', '+set', '+subscribe');
    const connection = connect({
      host: '127.0.0.1',
      port: server.port,
      username: 'limited',
      password: 'secret',
      stallTimeout: 50,
    });
    const heard: string[] = [];
    await connection.subscribe('news', {
      message: (message) => heard.push(String(message)),
      state: (state) => heard.push(state),
    });
    expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
    expect((await rejection(ask(connection, 'DEL', 'k'))).message).toContain('NOPERM');
    // Its liveness probe, a PING every 50 ms, is refused; that is an answer too.
    await eventually(
      async () => Number(/cmdstat_ping:.*rejected_calls=(\d+)/.exec(await server.cli('INFO', 'commandstats'))?.[1]) > 5,
    );
    await server.cli('PUBLISH', 'news', 'hello');
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['subscribed', 'hello']);
    await connection.close();
  });

  it('a server that is still loading, which is waited for', async () => {
    const loading = await startRedis({ args: ['--key-load-delay', '0'] });
    const filler = connect({ url: loading.url });
    await filler.command({ key: undefined, args: ['DEBUG', 'POPULATE', '3000'] }, performance.now() + 5_000);
    await ask(filler, 'CONFIG', 'SET', 'key-load-delay', '1000');
    await ask(filler, 'CONFIG', 'SET', 'loading-process-events-interval-bytes', '1024');
    const reload = ask(filler, 'DEBUG', 'RELOAD').catch(() => undefined);
    const connection = connect({ url: loading.url });
    try {
      await eventually(async () => {
        const error = await rejection(ask(connection, 'GET', 'k'));
        return error instanceof ConnectionError && error.message.includes('LOADING');
      });
      await loading.cli('CONFIG', 'SET', 'key-load-delay', '0');
      await reload;
      await eventually(() => connection.state === 'ready');
      expect(await ask(connection, 'GET', 'k')).toBeNull();
    } finally {
      await connection.close();
      await filler.close();
      await loading.stop();
    }
  });
});
