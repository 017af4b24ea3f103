import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { redisError } from '../../../src/backends/redis/server-errors.js';
import { partialFailure } from '../../../src/backends/redis/store/partial-failure.js';
import { BackendError, CircuitOpenError, ConnectionError, DeadlineError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../../support/tcp-proxy.js';
import { ask, libraries, rejection, within } from './libraries.js';

const unsent = async (call: Promise<unknown>) => ((await rejection(call)) as BackendError).unsent;
const options = { backend: 'redis', operation: 'write' };

describe('an error says that surely nothing was done', () => {
  it.each([
    'LOADING Redis is loading the dataset in memory',
    "READONLY You can't write against a read only replica.",
    'MASTERDOWN Link with MASTER is down',
    'CLUSTERDOWN The cluster is down',
    'NOREPLICAS Not enough good replicas to write.',
    'BUSY Redis is busy running a script.',
    'NOAUTH Authentication required.',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'MOVED 7 h:1',
    'ASK 7 h:1',
  ])('when the server refused it before it began: %s', (message) => {
    expect(redisError(new Error(message), 'write', 'h:1').unsent).toBe(true);
  });

  it.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    'NOPERM this user has no permissions to run the publish command',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'ERR something',
    'Connection is closed.',
    'Socket closed unexpectedly',
    'read ECONNRESET',
  ])('not when a part of it may have run: %s', (message) => {
    expect(redisError(new Error(message), 'write', 'h:1').unsent).toBe(false);
  });

  it('never by default, and always when the circuit is open', () => {
    expect(new BackendError('', options).unsent).toBe(false);
    expect(new CircuitOpenError('', options).unsent).toBe(true);
  });

  it('of many keys only when that is so for all of them', () => {
    const sure = new ConnectionError('', { ...options, unsent: true });
    const unsure = new DeadlineError('', options);
    const of = (errors: readonly Error[], keys: number) =>
      partialFailure('writeMany', keys, new Map(errors.map((error, index) => [String(index), error])))?.unsent;
    expect([of([sure, sure], 2), of([sure, sure], 3), of([sure, unsure], 2), of([unsure], 1)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe.each(libraries)('over $library an error says so', ({ connect }) => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let connection: Connection;

  beforeEach(async () => {
    server = await startRedis();
    proxy = await startProxy(server);
    connection = connect({ url: proxy.url });
  });
  afterEach(async () => {
    await connection.close();
    await proxy.close();
    await server.stop();
  });

  it('when nobody could be reached', async () => {
    await using nowhere = {
      connection: connect({ port: await freePort() }),
      [Symbol.asyncDispose]: () => nowhere.connection.close(),
    };
    expect(await unsent(ask(nowhere.connection, 'SET', 'k', 'v'))).toBe(true);
    expect(await unsent(ask(nowhere.connection, 'SET', 'k', 'v'))).toBe(true);
    expect(await unsent(nowhere.connection.batch([{ key: 'k', args: ['SET', 'k', 'v'] }], within()))).toBe(true);
  });

  it('when its time was up before a connection stood, or before it was called', async () => {
    proxy.pause();
    const set = { key: 'k', args: ['SET', 'k', 'v'] };
    expect(await unsent(connection.command(set, within(50)))).toBe(true);
    proxy.resume();
    await connection.connect();
    expect(await unsent(connection.command(set, within(-1)))).toBe(true);
    expect(await unsent(connection.batch([set], within(-1)))).toBe(true);
    expect(await server.cli('EXISTS', 'k')).toBe('0');
  });

  it('when it was called on a connection that had gone without anybody knowing, if it was not written', async () => {
    await connection.connect();
    let acknowledged = 0;
    let unknown = 0;
    let refused = 0;
    const increment = () =>
      ask(connection, 'INCR', 'n').then(
        () => acknowledged++,
        (error: BackendError) => (error.unsent ? refused++ : unknown++),
      );
    for (let round = 0; round < 3; round++) {
      await eventually(() => connection.state === 'ready', { within: 15_000 });
      const calls = Array.from({ length: 10 }, increment);
      proxy.cut();
      await Promise.all([...calls, ...Array.from({ length: 10 }, increment)]);
      await increment();
    }
    const ran = Number(await server.cli('GET', 'n'));
    expect(refused).toBeGreaterThan(0);
    expect(ran).toBeGreaterThanOrEqual(acknowledged);
    expect(ran).toBeLessThanOrEqual(acknowledged + unknown);
  });

  it('not when the connection or the time ran out after it was sent', async () => {
    await connection.connect();
    proxy.pause('to-client');
    expect(await unsent(connection.command({ key: 'k', args: ['INCR', 'k'] }, within(100)))).toBe(false);
    const single = unsent(ask(connection, 'INCR', 'k'));
    const [batched] = [connection.batch([{ key: 'k', args: ['INCR', 'k'] }], within())];
    await eventually(async () => (await server.cli('GET', 'k')) === '3');
    proxy.cut();
    expect(await single).toBe(false);
    expect(((await batched)[0] as BackendError).unsent).toBe(false);
  });

  it('when a replica refused it', async () => {
    await connection.connect();
    await server.cli('REPLICAOF', '127.0.0.1', String(await freePort()));
    expect(await unsent(ask(connection, 'SET', 'k', 'v'))).toBe(true);
  });
});
