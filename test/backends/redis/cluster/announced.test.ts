import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterOptions } from '../../../../src/backends/redis/cluster.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { ask, within } from '../libraries.js';
import { selfSigned } from '../self-signed.js';
import { libraries } from './libraries.js';

const keys = Array.from({ length: 30 }, (_, index) => `key:${index}`);

/** Every key written, read and found, and one slot followed to another node, by MOVED. */
async function expectServed(
  cluster: RedisCluster,
  connect: (options: ClusterOptions) => ReturnType<(typeof libraries)[0]['connect']>,
  options: ClusterOptions,
) {
  const connection = connect(options);
  for (const key of keys) expect(await ask(connection, 'SET', key, key)).toEqual(Buffer.from('OK'));
  const owner = (await cluster.nodeFor('key:1')).port;
  await cluster.moveSlot(slotOf('key:1'), cluster.ports.find((port) => port !== owner) as number);
  expect((await connection.getMany(keys, within())).map(String)).toEqual(keys);
  const found: string[] = [];
  for await (const batch of connection.scan('key:*', 100, () => within())) found.push(...batch);
  expect([...new Set(found)].sort()).toEqual([...keys].sort());
  await connection.close();
}

/** Where a node says that it is reached. */
describe.each([
  ['the address it was asked at, as it knows no other', ['--cluster-preferred-endpoint-type', 'unknown-endpoint']],
  ['a host name', ['--cluster-preferred-endpoint-type', 'hostname', '--cluster-announce-hostname', 'localhost']],
])('nodes that announce %s', (_, args) => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster({ masters: 3, replicas: 0, args });
  });
  afterAll(() => cluster?.stop());

  it.each(libraries)('are reached by $library', ({ connect }) =>
    expectServed(cluster, connect, { nodes: cluster.addresses.slice(0, 1) }),
  );
});

describe('nodes behind TLS', () => {
  const { key, cert } = selfSigned();
  const sockets = new Set<Socket>();
  let cluster: RedisCluster;
  /** By what the node behind it announces. */
  let fronts: Map<string, { readonly server: Server; readonly host: string; readonly port: number }>;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 0, password: 'secret' });
    fronts = new Map();
    for (const port of cluster.ports) {
      const server = createServer({ key, cert }, (inner) => {
        const outer = connectTcp(port, '127.0.0.1');
        for (const socket of [inner, outer]) sockets.add(socket.on('error', () => {}));
        inner.pipe(outer).pipe(inner);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      fronts.set(`127.0.0.1:${port}`, { server, host: '127.0.0.1', port: (server.address() as AddressInfo).port });
    }
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all([...(fronts?.values() ?? [])].map(({ server }) => new Promise((resolve) => server.close(resolve))));
    await cluster?.stop();
  });

  it.each(libraries)('are reached by $library, all by the same options', async ({ connect }) => {
    const [first] = fronts.values();
    await expectServed(cluster, connect, {
      nodes: [`rediss://:secret@127.0.0.1:${first?.port}`],
      tls: { ca: cert, servername: 'localhost' },
      natMap: (announced) => fronts.get(announced),
    });
  });
});
