import { createClient, createCluster } from '@redis/client';
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster6 } from 'ioredis6';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterOptions, connectCluster } from '../../../../src/backends/redis/cluster.js';
import { ConfigError } from '../../../../src/errors.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { startProxy } from '../../../support/tcp-proxy.js';
import { ask, within } from '../libraries.js';

type Client = NonNullable<ClusterOptions['client']>;
type NatMap = Record<string, { host: string; port: number }>;

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0, password: 'secret' });
});
afterAll(() => cluster?.stop());

const keys = Array.from({ length: 20 }, (_, index) => `key:${index}`);
const at = (port: number) => ({ host: '127.0.0.1', port });

/** Each library's client, made as users make it; with credentials for all nodes or with those that were named. */
const clients = [
  {
    library: 'ioredis 5',
    driver: 'ioredis',
    make: (port: number, natMap?: NatMap) =>
      new Cluster([at(port)], { lazyConnect: true, natMap, redisOptions: { password: 'secret' } }),
    byUrl: (url: string) => new Cluster([url], { lazyConnect: true }),
    prefixed: () => new Cluster([at(1)], { lazyConnect: true, keyPrefix: 'mine:' }),
  },
  {
    library: 'ioredis 6',
    driver: 'ioredis',
    make: (port: number, natMap?: NatMap) =>
      new Cluster6([at(port)], { lazyConnect: true, natMap, redisOptions: { password: 'secret' } }),
    byUrl: (url: string) => new Cluster6([url], { lazyConnect: true }),
    prefixed: () => new Cluster6([at(1)], { lazyConnect: true, redisOptions: { keyPrefix: 'mine:' } as object }),
  },
  {
    library: '@redis/client',
    driver: 'node-redis',
    make: (port: number, natMap?: NatMap) =>
      createCluster({
        rootNodes: [{ socket: at(port) }],
        defaults: { password: 'secret' },
        ...(natMap && { nodeAddressMap: natMap }),
      }),
    byUrl: (url: string) => createCluster({ rootNodes: [{ url }] }),
    prefixed: () => createCluster({ rootNodes: [{ socket: at(1) }], keyPrefix: 'mine:' }),
  },
] as const;

describe.each(clients)("the user's own Cluster client of $library", ({ driver, make, byUrl, prefixed }) => {
  const seed = () => cluster.ports[0] as number;

  async function expectServed(client: Client): Promise<void> {
    const connection = connectCluster({ client });
    expect([connection.driver, connection.topology]).toEqual([driver, 'cluster']);
    for (const key of keys) expect(await ask(connection, 'SET', key, key)).toEqual(Buffer.from('OK'));
    expect((await connection.getMany(keys, within())).map(String)).toEqual(keys);
    await connection.close();
  }

  it('tells of nodes and password, is not needed otherwise, and is left as it was', async () => {
    const client = make(seed()) as Client & Theirs;
    const before = client.listenerCount('error');
    const connection = connectCluster({ client });
    expect(() => client.emit('error', new Error('nobody else listens'))).not.toThrow();
    expect(await ask(connection, 'SET', 'key:1', 'ours')).toEqual(Buffer.from('OK'));
    await client.connect();
    expect(String(await client.get('key:1'))).toBe('ours');
    await connection.close();
    expect(client.listenerCount('error')).toBe(before);
    expect(String(await client.get('key:1'))).toBe('ours');
    await expectServed(client);
    await (client.disconnect === undefined ? client.destroy?.() : client.disconnect());
  });

  it('may have the password in the URL of a node', async () => {
    await expectServed(byUrl(cluster.urls[0] as string));
  });

  it('passes on where nodes are reached', async () => {
    const proxies = await Promise.all(cluster.ports.map((port) => startProxy(port)));
    const natMap = Object.fromEntries(cluster.ports.map((port, index) => [`127.0.0.1:${port}`, at(proxies[index]?.port ?? 0)]));
    await expectServed(make(proxies[0]?.port ?? 0, natMap));
    for (const proxy of proxies) {
      expect(proxy.accepted).toBeGreaterThan(0);
      await proxy.close();
    }
  });

  it('must have no key prefix of its own', () => {
    expect(() => connectCluster({ client: prefixed() })).toThrow(ConfigError);
    expect(() => connectCluster({ client: prefixed() })).toThrow("'mine:'");
  });
});

interface Theirs {
  emit(event: string, error: Error): boolean;
  listenerCount(event: string): number;
  connect(): Promise<unknown>;
  get(key: string): Promise<unknown>;
  disconnect?(): unknown;
  destroy?(): unknown;
}

describe('what is no Cluster client', () => {
  it.each([
    ['a client of one server, ioredis', () => new Redis({ lazyConnect: true }), 'use .redis({ client })'],
    ['a client of one server, @redis/client', () => createClient(), 'use .redis({ client })'],
    ['anything else', () => ({}), 'made by new Cluster(…)'],
    ['nothing', () => null, 'made by new Cluster(…)'],
    ['one that finds its nodes by SRV', () => new Cluster(['x'], { lazyConnect: true, useSRVRecords: true }), 'SRV records'],
  ])('is refused: %s', (_, make, mend) => {
    const connect = () => connectCluster({ client: make() as unknown as Client });
    expect(connect).toThrow(ConfigError);
    expect(connect).toThrow(mend);
  });
});

describe('nodes', () => {
  it.each<[string, ClusterOptions, string]>([
    ['none', { nodes: [] }, 'nodes must name one node'],
    ['none at all', {}, 'nodes must name one node'],
    ['no address', { nodes: ['a:1', 'b:port'] }, 'nodes[1] must be'],
    ['a database', { nodes: ['redis://localhost:7000/2'] }, 'names database 2'],
    ['passwords that differ', { nodes: ['redis://:a@x:1', 'redis://:b@y:1'] }, 'different users, passwords or TLS'],
    ['an unknown driver', { nodes: ['a:1'], driver: 'other' as never }, "'ioredis' or 'node-redis'"],
  ])('are refused: %s', (_, options, mend) => {
    expect(() => connectCluster(options)).toThrow(ConfigError);
    expect(() => connectCluster(options)).toThrow(mend);
  });

  it('that are refused are told without their passwords', () => {
    const options = { nodes: ['redis://:hunter2@x:1/1', 'hunter2@y:1', 'redis://:hunter2@%zz'] };
    expect(() => connectCluster(options)).toThrow(ConfigError);
    expect(() => connectCluster(options)).not.toThrow('hunter2');
  });
});
