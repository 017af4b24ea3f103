import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import type { SentinelOptions } from '../../../../src/backends/redis/sentinel.js';
import { eventually } from '../../../support/eventually.js';
import { freePort } from '../../../support/free-port.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { startProxy } from '../../../support/tcp-proxy.js';
import { ask, rejection, within } from '../libraries.js';
import { type OneSentinel, startOneSentinel } from './one-sentinel.js';
import { libraries } from './sentinel-libraries.js';

const host = '127.0.0.1';

describe.each(libraries)('finding the master over $library', ({ library, connect: connectTo }) => {
  let one: OneSentinel;
  let good: SentinelOptions;
  const connections: Connection[] = [];
  const connect = (options: Partial<SentinelOptions> = {}) => {
    const connection = connectTo({ ...good, ...options });
    connections.push(connection);
    return connection;
  };

  beforeAll(async () => {
    one = await startOneSentinel({ node: 'node-secret', sentinel: 'sentinel-secret' });
    good = {
      name: 'primary',
      sentinels: [`${host}:${one.sentinel.port}`],
      password: 'node-secret',
      sentinelPassword: 'sentinel-secret',
    };
  });
  afterAll(() => one.stop());
  afterEach(() => Promise.all(connections.splice(0).map((connection) => connection.close())));

  it('uses the passwords of both, and the database', async () => {
    const connection = connect({ db: 2 });
    expect(await ask(connection, 'SET', 'k', 'v')).toEqual(Buffer.from('OK'));
    expect(connection).toMatchObject({ topology: 'sentinel', driver: library === '@redis/client' ? 'node-redis' : 'ioredis' });
    expect(connection.slotOf('k')).toBe(0);
    expect(await one.node.cli('DBSIZE')).toBe('0');
    const found: string[] = [];
    for await (const keys of connection.scan('*', 10, () => within())) found.push(...keys);
    expect(found).toEqual(['k']);
    await ask(connection, 'DEL', 'k');
  });

  it('takes the password of the Sentinels from their URLs too', async () => {
    const sentinels = [`redis://:sentinel-secret@${host}:${one.sentinel.port}`];
    expect(await ask(connect({ sentinels, sentinelPassword: undefined }), 'GET', 'k')).toBeNull();
  });

  it('asks those that answer, whichever are down, frozen or something else', async () => {
    const frozen = await startRedis({ args: ['--sentinel'], config: [] });
    frozen.freeze();
    const connection = connect({
      sentinels: [
        { host, port: await freePort() },
        { host, port: frozen.port },
        `${host}:${one.node.port}`,
        `${host}:${one.sentinel.port}`,
      ],
    });
    expect(await ask(connection, 'GET', 'k')).toBeNull();
    await frozen.stop();
  });

  it('does with a Sentinel whose ACL allows only the question for the address', async () => {
    await one.sentinel.cli('ACL', 'SETUSER', 'min', 'on', '>m', '-@all', '+auth', '+ping', '+sentinel|get-master-addr-by-name');
    const connection = connect({ sentinelUsername: 'min', sentinelPassword: 'm' });
    expect(await ask(connection, 'GET', 'k')).toBeNull();
  });

  it('does with a node whose ACL forbids HELLO and ROLE', async () => {
    await one.node.cli('ACL', 'SETUSER', 'some', 'on', '>s', '~*', '&*', '+@read', '+@write');
    const connection = connect({ username: 'some', password: 's' });
    expect(await ask(connection, 'SET', 'acl', 'v')).toEqual(Buffer.from('OK'));
  });

  describe('behind other addresses', () => {
    it.each([
      ['a map', (map: Record<string, { host: string; port: number }>) => map],
      ['a function', (map: Record<string, { host: string; port: number }>) => (announced: string) => map[announced]],
    ])('goes to where %s says', async (_, natMap) => {
      const toSentinel = await startProxy(one.sentinel);
      const toNode = await startProxy(one.node);
      const connection = connect({
        sentinels: [`${host}:${toSentinel.port}`],
        natMap: natMap({ [`${host}:${one.node.port}`]: { host, port: toNode.port } }),
      });
      expect(await ask(connection, 'GET', 'k')).toBeNull();
      expect(toSentinel.accepted).toBeGreaterThan(0);
      expect(toNode.connections).toBe(1);
      await connection.subscribe('c', { message: () => {}, state: () => {} });
      expect(toNode.connections).toBe(2);
      await connection.close();
      await toSentinel.close();
      await toNode.close();
    });
  });

  /** Down, with a reason that says why, and still trying. */
  async function expectDown(connection: Connection, ...reasons: RegExp[]) {
    const error = await rejection(ask(connection, 'SET', 'k', 'v'));
    expect(error.name).toBe('ConnectionError');
    for (const reason of reasons) expect(error.message).toMatch(reason);
    expect(error.message).not.toMatch(/secret/);
    expect(connection.state).toBe('down');
  }

  it('tells which masters there are when the name is wrong', () =>
    expectDown(connect({ name: 'wrong' }), /the master 'wrong' is away/, /watches no master 'wrong', only 'primary'/));

  it('tells where nobody listens', async () => {
    const port = await freePort();
    await expectDown(connect({ sentinels: [{ host, port }] }), new RegExp(`${host}:${port}: .*ECONNREFUSED`));
  });

  it('tells of each Sentinel why it did not answer', async () => {
    const port = await freePort();
    const sentinels = [`${host}:${port}`, `${host}:${one.sentinel.port}`];
    await expectDown(connect({ sentinels, name: 'wrong' }), /ECONNREFUSED/, /; .*watches no master 'wrong'/);
  });

  it('tells a wrong or missing password of the Sentinels', async () => {
    await expectDown(connect({ sentinelPassword: 'wrong' }), /WRONGPASS/);
    await expectDown(connect({ sentinelPassword: undefined }), /NOAUTH .*sentinelPassword/);
  });

  it('tells a wrong password of the nodes', () => expectDown(connect({ password: 'wrong' }), /WRONGPASS/));

  it('tells when a node is given as a Sentinel', async () => {
    const plain = await startRedis();
    const options = { sentinels: [{ host, port: plain.port }], sentinelPassword: undefined };
    await expectDown(connect(options), /ordinary Redis server and no Sentinel/, /26379/, /\.redis\(/);
    await plain.stop();
  });

  it('tells when a node of a Cluster is given as a Sentinel', async () => {
    const node = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    const options = { sentinels: [{ host, port: node.port }], sentinelPassword: undefined };
    await expectDown(connect(options), /node of a Redis Cluster and no Sentinel/, /\.cluster\(/);
    await node.stop();
  });

  it('does not take a replica for the master, whoever says so', async () => {
    const replica = await startRedis({ args: ['--replicaof', host, String(one.node.port), '--masterauth', 'node-secret'] });
    const behind = await startRedis({
      args: ['--sentinel'],
      config: [`sentinel monitor primary ${host} ${replica.port} 1`, 'sentinel down-after-milliseconds primary 60000'],
    });
    const options = { sentinels: [{ host, port: behind.port }], password: undefined, sentinelPassword: undefined };
    await expectDown(connect(options), new RegExp(`${host}:${replica.port} is a replica`));
    await behind.stop();
    await replica.stop();
  });

  it('finds Sentinels that are started after it', async () => {
    const port = await freePort();
    const connection = connect({ sentinels: [{ host, port }], sentinelPassword: undefined });
    await connection.connect();
    expect(connection.state).toBe('down');
    const config = [`sentinel monitor primary ${host} ${one.node.port} 1`, 'sentinel auth-pass primary node-secret'];
    const late: RedisServer = await startRedis({ port, args: ['--sentinel'], config });
    await eventually(() => connection.state === 'ready');
    await late.stop();
  });
});
