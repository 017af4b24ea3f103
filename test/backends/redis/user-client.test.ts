import { createClientPool, createCluster, createClient as createNodeRedis, createSentinel } from '@redis/client';
import { Cluster, Redis } from 'ioredis';
import IoredisMock from 'ioredis-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectStandalone, type StandaloneOptions } from '../../../src/backends/redis/standalone.js';
import { ConfigError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../../support/tcp-proxy.js';
import { ask, libraries, rejection, within } from './libraries.js';

type Client = NonNullable<StandaloneOptions['client']>;

describe.each(libraries)("the user's own client of $library", ({ library, client: make }) => {
  let server: RedisServer;
  let proxy: TcpProxy;

  beforeAll(async () => {
    server = await startRedis({ password: 'secret' });
    proxy = await startProxy(server);
  });
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });
  beforeEach(() => server.cli('FLUSHALL'));

  const urlTo = (target: { readonly port: number }, db = 0) => `redis://:secret@127.0.0.1:${target.port}/${db}`;
  const send = async (client: Client, ...args: string[]) => {
    const { call, sendCommand } = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    return call === undefined ? sendCommand?.call(client, args) : call.apply(client, args);
  };
  const end = (client: Client) => ('disconnect' in client ? client.disconnect() : client.destroy());

  it('is recognised, copied with its server, password and database, and left open', async () => {
    const client = make(urlTo(server, 2));
    await client.connect();
    const connection = connectStandalone({ client });
    expect(connection.driver).toBe(library === '@redis/client' ? 'node-redis' : 'ioredis');
    const bytes = Buffer.from([0xff, 0x00]);
    await ask(connection, 'SET', 'k', bytes);
    expect(await ask(connection, 'GET', 'k')).toEqual(bytes);
    expect(await send(client, 'STRLEN', 'k')).toBe(2);
    const heard: string[] = [];
    await connection.subscribe('news', { message: (message) => void heard.push(String(message)), state: () => {} });
    await send(client, 'PUBLISH', 'news', 'hello');
    await eventually(() => heard.length === 1);
    await connection.close();
    expect(await send(client, 'GET', 'k')).toBeTypeOf('string');
    end(client);
  });

  it('need not be connected', async () => {
    const client = make(urlTo(server));
    const connection = connectStandalone({ client });
    expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
    await connection.close();
  });

  it('gets an error listener, which goes with the connection', async () => {
    const client = make(urlTo(server)) as Client & {
      emit(event: string, error: Error): boolean;
      listenerCount(event: string): number;
    };
    const before = client.listenerCount('error');
    const connection = connectStandalone({ client });
    expect(() => client.emit('error', new Error('nobody else listens'))).not.toThrow();
    await connection.close();
    expect(client.listenerCount('error')).toBe(before);
  });

  it('does not bring in its own settings: nothing runs twice, nothing waits offline', async () => {
    const client = make(urlTo(proxy));
    const connection = connectStandalone({ client });
    await connection.connect();
    proxy.pause('to-client');
    const lost = rejection(ask(connection, 'INCR', 'n'));
    await eventually(async () => (await server.cli('GET', 'n')) === '1');
    await proxy.refuse();
    proxy.cut();
    proxy.resume();
    expect((await lost).name).toBe('ConnectionError');
    expect((await rejection(ask(connection, 'INCR', 'n'))).name).toBe('ConnectionError');
    await proxy.accept();
    await eventually(() => connection.state === 'ready');
    expect(await ask(connection, 'INCR', 'n')).toBe(2);
    await connection.close();
    end(client);
  });
});

describe('a client that cannot be used', () => {
  const refused = (client: unknown) => () => connectStandalone({ client: client as Client });

  it.each([
    ['ioredis', () => new Redis({ lazyConnect: true, keyPrefix: 'mine:' })],
    ['@redis/client', () => createNodeRedis({ keyPrefix: 'mine:' })],
  ])('has a keyPrefix of its own: %s', (_, make) => {
    expect(refused(make())).toThrow(ConfigError);
    expect(refused(make())).toThrow(/keyPrefix of its own \('mine:'\)/);
  });

  it.each([
    ['an ioredis Cluster', () => new Cluster([], { lazyConnect: true }), /Cluster client/],
    ['an @redis/client cluster', () => createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }] }), /Cluster client/],
    [
      'an ioredis over sentinels',
      () => new Redis({ sentinels: [{ host: 'h', port: 1 }], name: 'm', lazyConnect: true }),
      /Sentinel client/,
    ],
    [
      'an @redis/client sentinel',
      () => createSentinel({ name: 'm', sentinelRootNodes: [{ host: 'h', port: 1 }] }),
      /Sentinel client/,
    ],
    ['a pool', () => createClientPool(), /must be an ioredis .* or @redis\/client/],
    ['null', () => null, /must be an ioredis/],
    ['text', () => 'redis://localhost', /must be an ioredis/],
    ['a Map', () => new Map(), /must be an ioredis/],
  ])('is %s', (_, make, message) => {
    expect(refused(make())).toThrow(ConfigError);
    expect(refused(make())).toThrow(message);
  });
});

describe('ioredis-mock as the client', () => {
  it('does for a fast test of plain commands', async () => {
    const client = new IoredisMock();
    const connection = connectStandalone({ client });
    expect(await ask(connection, 'SET', 'k', Buffer.from([0xff, 0]), 'PX', '60000')).toEqual(Buffer.from('OK'));
    expect(await ask(connection, 'GET', 'k')).toEqual(Buffer.from([0xff, 0]));
    expect(await connection.getMany(['k', 'absent'], within())).toEqual([Buffer.from([0xff, 0]), null]);
    expect(await ask(connection, 'PTTL', 'k')).toBeTypeOf('number');
    const found: string[] = [];
    for await (const keys of connection.scan('*', 10, () => within())) found.push(...keys);
    expect(found).toEqual(['k']);
    const [failed] = await connection.batch([{ key: 'k', args: ['NOSUCH', 'k'] }], within());
    expect(failed).toMatchObject({ name: 'BackendError' });
    expect(connection.state).toBe('ready');
    await connection.close();
  });
});
