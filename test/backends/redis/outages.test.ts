import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection, ConnectionState } from '../../../src/backends/redis/connection.js';
import { ConnectionError, DeadlineError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../../support/tcp-proxy.js';
import { ask, libraries, rejection, within } from './libraries.js';

describe.each(libraries)('outages over $library', ({ connect }) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let connection: Connection;
  let states: ConnectionState[];

  const open = (options: Parameters<typeof connect>[0]) => {
    connection = connect(options);
    connection.onState((state) => states.push(state));
    return connection;
  };
  const ready = () => eventually(() => connection.state === 'ready');

  beforeEach(async () => {
    states = [];
    server = await startRedis();
    proxy = await startProxy(server);
  });
  afterEach(async () => {
    await connection.close();
    await proxy.close();
    await server.stop();
  });

  it('never runs a command twice: an INCR in flight when the connection is cut', async () => {
    open({ url: proxy.url });
    await connection.connect();
    proxy.pause('to-client');
    const lost = ['command', 'batch'] as const;
    const single = rejection(ask(connection, 'INCR', 'command'));
    const batch = connection.batch([{ key: 'batch', args: ['INCR', 'batch'] }], within());
    await eventually(async () => (await server.cli('MGET', ...lost)) === '1\n1');
    proxy.cut();
    proxy.resume();
    expect(await single).toBeInstanceOf(ConnectionError);
    expect((await batch)[0]).toBeInstanceOf(ConnectionError);
    await ready();
    await ask(connection, 'PING');
    expect(await connection.getMany(lost, within())).toEqual([Buffer.from('1'), Buffer.from('1')]);
    expect(states).toEqual(['connecting', 'ready', 'down', 'ready']);
  });

  it('settles every call by its deadline while the server is frozen, and goes on when it thaws', async () => {
    open({ url: server.url, stallTimeout: 60_000 });
    await connection.connect();
    server.freeze();
    const started = performance.now();
    const calls = [120, 60, 180, 90].map((ms) => rejection(connection.command({ key: 'k', args: ['GET', 'k'] }, within(ms))));
    for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(DeadlineError);
    expect(performance.now() - started).toBeGreaterThanOrEqual(179);
    server.thaw();
    expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
    expect(states).toEqual(['connecting', 'ready']);
  });

  it('gives a connection up on which nothing comes back, and makes a new one', async () => {
    open({ url: proxy.url, stallTimeout: 200, connectTimeout: 300 });
    await connection.connect();
    proxy.pause();
    expect(await rejection(connection.command({ key: 'k', args: ['GET', 'k'] }, within()))).toBeInstanceOf(ConnectionError);
    expect(connection.state).toBe('down');
    const error = await rejection(ask(connection, 'GET', 'k'));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain(`127.0.0.1:${proxy.port}`);
    await eventually(() => proxy.accepted >= 3);
    proxy.resume();
    await ready();
    expect(await ask(connection, 'GET', 'k')).toBeNull();
  });

  it('does not take a server for dead that answers slowly, one reply after the other', async () => {
    open({ url: server.url, stallTimeout: 1_000 });
    await connection.connect();
    const slow = Array.from({ length: 8 }, () => ({ key: 'list', args: ['BLPOP', 'list', '0.2'] }));
    expect(await connection.batch(slow, within())).toEqual(slow.map(() => null));
    expect(states).toEqual(['connecting', 'ready']);
  });

  it('comes back by itself after the server was killed and restarted', async () => {
    open({ url: server.url });
    await ask(connection, 'SET', 'k', 'v');
    await server.kill();
    await eventually(() => connection.state === 'down');
    expect(await rejection(ask(connection, 'GET', 'k'))).toBeInstanceOf(ConnectionError);
    await server.restart();
    await ready();
    expect(await ask(connection, 'GET', 'k')).toBeNull();
  });

  it('finds a server that is started after it', async () => {
    const port = await freePort();
    open({ host: '127.0.0.1', port });
    const error = await rejection(ask(connection, 'GET', 'k'));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ retryable: true });
    expect(error.message).toContain('ECONNREFUSED');
    expect(connection.state).toBe('down');
    await connection.connect();
    const late = await startRedis({ port });
    await ready();
    expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
    await connection.close();
    await late.stop();
  });

  it('ends a handshake that gets no answer: a server frozen before the first connection', async () => {
    server.freeze();
    open({ url: server.url, connectTimeout: 150 });
    const called = ask(connection, 'GET', 'k');
    expect(await rejection(called)).toBeInstanceOf(ConnectionError);
    expect(connection.state).toBe('down');
    server.thaw();
    await ready();
  });

  it('lets a call wait for the first connection no longer than its deadline', async () => {
    proxy.pause();
    open({ url: proxy.url });
    const error = await rejection(connection.command({ key: 'k', args: ['GET', 'k'] }, within(50)));
    expect(error).toBeInstanceOf(DeadlineError);
    expect(connection.state).toBe('connecting');
    proxy.resume();
    await ready();
  });

  it('answers a thousand calls around a cut: each settles once, none twice at the server', async () => {
    open({ url: proxy.url });
    await connection.connect();
    let answered = 0;
    let failed = 0;
    const calls = Array.from({ length: 1_000 }, (_, index) => {
      if (index === 500) setImmediate(() => proxy.cut());
      return ask(connection, 'INCR', 'n').then(
        () => answered++,
        () => failed++,
      );
    });
    await Promise.all(calls);
    await ready();
    const counted = Number(await server.cli('GET', 'n'));
    expect(answered + failed).toBe(1_000);
    expect(counted).toBeGreaterThanOrEqual(answered);
    expect(counted).toBeLessThanOrEqual(1_000);
  });
});
