import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NatMap } from '../../../../src/backends/redis/address.js';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { type BackendError, ConfigError, ConnectionError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';
import { freePort } from '../../../support/free-port.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../../../support/tcp-proxy.js';
import { ask, rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
let standalone: RedisServer;
beforeAll(async () => {
  [cluster, standalone] = await Promise.all([startCluster({ replicas: 0, password: 'secret' }), startRedis()]);
});
afterAll(() => Promise.all([cluster?.stop(), standalone?.stop()]));

const keys = Array.from({ length: 30 }, (_, index) => `key:${index}`);

describe.each(libraries)('finding the nodes over $library', ({ connect }) => {
  let connection: Connection;
  let reasons: unknown[];
  const open = (options: Parameters<typeof connect>[0]) => {
    reasons = [];
    connection = connect(options);
    connection.onState((state, reason) => state === 'down' && reasons.push(reason));
    return connection;
  };
  const lastReason = () => String((reasons.at(-1) as Error | undefined)?.message);
  afterEach(() => connection.close());

  const expectAllReached = async () => {
    for (const key of keys) expect(await ask(connection, 'SET', key, key)).toEqual(Buffer.from('OK'));
    expect((await connection.getMany(keys, within())).map(String)).toEqual(keys);
  };

  it('needs one address that is alive', async () => {
    const [alive] = cluster.ports;
    const frozen = await startProxy(alive as number);
    frozen.pause();
    open({ nodes: [`127.0.0.1:${await freePort()}`, frozen, `127.0.0.1:${alive}`], password: 'secret' });
    const began = performance.now();
    await connection.connect();
    expect(connection.state).toBe('ready');
    // It would be 5 s if it waited for the frozen one.
    expect(performance.now() - began).toBeLessThan(4_500);
    await expectAllReached();
    await frozen.close();
  });

  it('says what is wrong with each address when none is, fails at once, and finds one that comes', async () => {
    const proxy = await startProxy(cluster.ports[0] as number);
    await proxy.refuse();
    open({ nodes: [{ host: '127.0.0.1', port: proxy.port }, `127.0.0.1:${await freePort()}`], password: 'secret' });
    await connection.connect();
    expect(connection.state).toBe('down');
    expect(lastReason()).toMatch(/no node of the cluster answers \(127\.0\.0\.1:\d+: .*ECONNREFUSED.*; 127/);
    const began = performance.now();
    const error = (await rejection(ask(connection, 'GET', 'k'))) as BackendError;
    expect([error, error.partial]).toEqual([expect.any(ConnectionError), false]);
    expect(error.message).toContain(`${proxy.port}`);
    // It may wait for 5 s.
    expect(performance.now() - began).toBeLessThan(2_500);
    expect(await rejection(connection.batch([{ key: 'k', args: ['GET', 'k'] }], within()))).toBeInstanceOf(ConnectionError);
    await proxy.accept();
    await eventually(() => connection.state === 'ready');
    await expectAllReached();
    await proxy.close();
  });

  it('says of a single server that it is one, and of a wrong password that it is wrong', async () => {
    open({ nodes: [`127.0.0.1:${standalone.port}`] });
    await connection.connect();
    expect(connection.state).toBe('down');
    expect(reasons.at(-1)).toBeInstanceOf(ConfigError);
    expect(lastReason()).toMatch(/127\.0\.0\.1:\d+ has cluster support disabled.*\.redis\(/);
    expect((await rejection(ask(connection, 'GET', 'k'))).message).toContain('cluster support disabled');
    await connection.close();
    open({ nodes: cluster.addresses, password: 'wrong' });
    await connection.connect();
    expect(lastReason()).toContain('WRONGPASS');
  });

  it.each(['an object', 'a function'])('reaches every node through a NAT map that is %s, redirected or not', async (kind) => {
    const proxies = new Map<number, TcpProxy>();
    for (const port of cluster.ports) proxies.set(port, await startProxy(port));
    const entries = [...proxies].map(
      ([port, proxy]) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: proxy.port }] as const,
    );
    const table = Object.fromEntries(entries);
    const natMap: NatMap = kind === 'an object' ? table : (announced) => table[announced];
    open({ nodes: [...proxies.values()].slice(0, 1), password: 'secret', natMap });
    await expectAllReached();
    const owner = (await cluster.nodeFor('{nat}')).port;
    const to = cluster.ports.find((port) => port !== owner) as number;
    const move = await cluster.beginMove(slotOf('{nat}'), to);
    // Asked there while it moves, then moved there.
    expect(await ask(connection, 'SET', '{nat}', '1')).toEqual(Buffer.from('OK'));
    await move.migrate();
    await move.finish();
    expect(String(await ask(connection, 'GET', '{nat}'))).toBe('1');
    for (const proxy of proxies.values()) expect(proxy.connections).toBe(1);
    await connection.close();
    for (const proxy of proxies.values()) await proxy.close();
  });

  it('serves what is covered when slots are not, and says so of the others', async () => {
    const owner = await cluster.nodeFor('{uncovered}');
    const slot = String(slotOf('{uncovered}'));
    open({ nodes: cluster.urls });
    await expectAllReached();
    // The owner first, or it would tell the others again that it has the slot.
    const others = cluster.ports.filter((port) => port !== owner.port);
    // And again with each look: what it had told them before may reach them only now.
    const unassign = async () => {
      for (const port of [owner.port, ...others]) {
        await cluster.cli(port, 'CLUSTER', 'DELSLOTS', slot).catch((error: Error) => {
          if (!error.message.includes('already unassigned')) throw error;
        });
      }
    };
    await unassign();
    const isUnserved = async () => (await rejection(ask(connection, 'GET', '{uncovered}'))) as BackendError;
    await eventually(async () => {
      await unassign();
      expect((await isUnserved()).message).toMatch(/serves slot|slot not served/);
    });
    const error = await isUnserved();
    expect([error, error.partial]).toEqual([expect.any(ConnectionError), true]);
    const replies = await connection.getMany(['{uncovered}', ...keys], within());
    expect(replies.slice(1).map(String)).toEqual(keys);
    expect(replies[0]).toBeInstanceOf(ConnectionError);
    expect(connection.state).toBe('ready');
    const found = new Set<string>();
    const scan = async () => {
      for await (const batch of connection.scan('key:*', 100, () => within())) for (const key of batch) found.add(key);
    };
    await eventually(
      async () => {
        await unassign();
        expect((await rejection(scan())).message).toContain('served by no node');
      },
      { within: 15_000 },
    );
    expect([...found].sort()).toEqual([...keys].sort());
    await cluster.cli(owner.port, 'CLUSTER', 'ADDSLOTS', slot);
    await eventually(() => ask(connection, 'SET', '{uncovered}', 'v').then(() => true));
    await cluster.healthy();
  });
});
