import { createClient, createSentinel } from '@redis/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectSentinel, type SentinelOptions } from '../../../../src/backends/redis/sentinel.js';
import { ConfigError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';
import { startProxy } from '../../../support/tcp-proxy.js';
import { ask } from '../libraries.js';
import { type OneSentinel, startOneSentinel } from './one-sentinel.js';
import { libraries } from './sentinel-libraries.js';

type Client = NonNullable<SentinelOptions['client']>;

const host = '127.0.0.1';

describe.each(libraries)("the user's own client of $library", ({ library, client: make }) => {
  let one: OneSentinel;
  beforeAll(async () => {
    one = await startOneSentinel({ node: 'node-secret', sentinel: 'sentinel-secret' });
  });
  afterAll(() => one.stop());
  beforeEach(() => one.node.cli('FLUSHALL'));

  const options = (sentinelPort = one.sentinel.port) => ({
    name: 'primary',
    sentinels: [{ host, port: sentinelPort }],
    password: 'node-secret',
    sentinelPassword: 'sentinel-secret',
  });
  const send = async (client: Client, ...args: string[]): Promise<unknown> => {
    const { call, sendCommand } = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    return call === undefined ? sendCommand?.call(client, false, args) : call.apply(client, args);
  };
  const end = (client: Client) =>
    'disconnect' in client ? client.disconnect() : (client as unknown as { destroy(): unknown }).destroy();

  it('is recognised, taken for what it was made with, and left open', async () => {
    const client = make({ ...options(), db: 2 });
    await client.connect();
    const connection = connectSentinel({ client });
    expect(connection.driver).toBe(library === '@redis/client' ? 'node-redis' : 'ioredis');
    const bytes = Buffer.from([0xff, 0x00]);
    await ask(connection, 'SET', 'k', bytes);
    expect(await ask(connection, 'GET', 'k')).toEqual(bytes);
    expect(await send(client, 'STRLEN', 'k')).toBe(2);
    expect(await one.node.cli('DBSIZE')).toBe('0');
    const heard: string[] = [];
    await connection.subscribe('news', { message: (message) => void heard.push(String(message)), state: () => {} });
    await send(client, 'PUBLISH', 'news', 'hello');
    await eventually(() => heard.length === 1);
    await connection.close();
    expect(await send(client, 'STRLEN', 'k')).toBe(2);
    await end(client);
  });

  it('need not be connected, and its map of addresses counts', async () => {
    const toSentinel = await startProxy(one.sentinel);
    const toNode = await startProxy(one.node);
    const natMap = { [`${host}:${one.node.port}`]: { host, port: toNode.port } };
    const connection = connectSentinel({ client: make({ ...options(toSentinel.port), natMap }) });
    expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
    expect(toNode.connections).toBe(1);
    await connection.close();
    await toSentinel.close();
    await toNode.close();
  });

  it('gets an error listener, which goes with the connection', async () => {
    const client = make(options()) as Client & {
      emit(event: string, error: Error): boolean;
      listenerCount(event: string): number;
    };
    const before = client.listenerCount('error');
    const connection = connectSentinel({ client });
    expect(() => client.emit('error', new Error('nobody else listens'))).not.toThrow();
    await connection.close();
    expect(client.listenerCount('error')).toBe(before);
  });

  it('gets no more listeners the more caches use it', async () => {
    const client = make(options()) as Client & { listenerCount(event: string): number };
    const before = client.listenerCount('error');
    const connections = Array.from({ length: 12 }, () => connectSentinel({ client }));
    expect(client.listenerCount('error')).toBe(before + 1);
    await Promise.all(connections.slice(1).map((connection) => connection.close()));
    expect(client.listenerCount('error')).toBe(before + 1);
    await connections[0]?.close();
    expect(client.listenerCount('error')).toBe(before);
  });

  it('cannot be used with a keyPrefix of its own', () => {
    const refused = () => connectSentinel({ client: make({ ...options(), keyPrefix: 'mine:' }) });
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(/keyPrefix of its own \('mine:'\)/);
  });
});

describe('a client that cannot be used', () => {
  const sentinels = [{ host: 'h', port: 1 }];
  it.each([
    ['an ioredis of one server', () => new Redis({ lazyConnect: true }), /not made for Sentinels.*\.redis\({ client }\)/],
    ['an @redis/client of one server', () => createClient(), /not made for Sentinels/],
    [
      'an ioredis that reads from replicas',
      () => new Redis({ name: 'm', sentinels, role: 'slave', lazyConnect: true }),
      /role: 'slave'/,
    ],
    ['null', () => null, /must be an ioredis .* or an @redis\/client/],
    ['text', () => 'redis://h', /must be an ioredis/],
  ])('is %s', (_, make, message) => {
    const refused = () => connectSentinel({ client: make() as Client });
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
  });

  it('is one whose options a version of @redis/client hides', () => {
    const client = createSentinel({ name: 'm', sentinelRootNodes: sentinels });
    Object.defineProperty(client, 'duplicate', { value: () => client });
    expect(() => connectSentinel({ client })).toThrow(/give name, sentinels and the passwords as options instead/);
  });
});
