import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectStandalone } from '../../../src/backends/redis/standalone.js';
import { eventually } from '../../support/eventually.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../../support/tcp-proxy.js';
import { libraries, within } from './libraries.js';
import { type Sightings, watchServers } from './sightings.js';

/** By options and by a client of the user's. */
const kinds = libraries.flatMap(({ library, connect, client }) => [
  { name: library, open: (url: string) => connect({ url }) },
  { name: `a client of ${library}`, open: (url: string) => connectStandalone({ client: client(url) }) },
]);

describe('that another server answers', () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let watched: Sightings[];

  const watch = async (url: string) => {
    watched = kinds.map(({ name, open }) => watchServers(name, open(url)));
    await eventually(() => watched.every(({ answers }) => answers > 0));
  };
  const answered = () => {
    const before = watched.map(({ answers }) => answers);
    return eventually(() => watched.every(({ answers }, index) => answers > (before[index] ?? 0) + 1), { within: 15_000 });
  };
  const told = () => watched.map((each) => each.told);

  beforeEach(async () => {
    watched = [];
    server = await startRedis();
    proxy = await startProxy(server);
  });
  afterEach(async () => {
    await Promise.all(watched.map((each) => each.stop()));
    await proxy.close();
    await server.stop();
  });

  it('is not told of the first, nor of the same one after the connection was lost', async () => {
    await watch(proxy.url);
    for (let time = 0; time < 3; time++) {
      const connected = proxy.accepted;
      proxy.cut();
      await eventually(() => proxy.accepted >= connected + kinds.length, { within: 15_000 });
      await answered();
    }
    expect(told()).toEqual(kinds.map(() => 0));
    expect(watched.map(({ servers }) => servers)).toEqual(kinds.map(() => 1));
  });

  it.each(['empty', 'with old data'])('is told before its first answer when it was killed and restarted %s', async (how) => {
    if (how === 'with old data') await server.cli('SAVE');
    await watch(server.url);
    await server.kill();
    await server.restart();
    await eventually(() => watched.every(({ servers }) => servers === 2), { within: 15_000 });
    for (const each of watched) each.expectToldInTime();
    expect(told()).toEqual(kinds.map(() => 1));
  });

  it('is told of one that was demoted and promoted again', async () => {
    await using other = await startRedis();
    await watch(server.url);
    await server.cli('REPLICAOF', '127.0.0.1', String(other.port));
    await eventually(async () => (await server.cli('INFO', 'replication')).includes('master_link_status:up'));
    await server.cli('REPLICAOF', 'NO', 'ONE');
    await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
    await eventually(() => told().every((count) => count > 0), { within: 15_000 });
    await answered();
  });

  it('is taken for so with each new connection where it may not be asked', async () => {
    await server.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-info');
    const url = `redis://app:secret@127.0.0.1:${proxy.port}`;
    const connections = kinds.map(({ open }) => open(url));
    const told = new Set<unknown>();
    for (const connection of connections) connection.onOtherServer(() => told.add(connection));
    await Promise.all(connections.map((connection) => connection.connect()));
    expect(told.size).toBe(0);
    proxy.cut();
    await eventually(() => told.size === kinds.length, { within: 15_000 });
    await Promise.all(connections.map((connection) => connection.close()));
  });

  it('is told to nobody who no longer wants to hear it, and one who throws keeps nobody from hearing', async () => {
    const warnings: string[] = [];
    const note = (warning: Error) => void warnings.push(warning.message);
    process.on('warning', note);
    const connection = libraries[0].connect({ url: server.url });
    let heard = 0;
    connection.onOtherServer(() => {
      throw new Error('a listener of the test');
    });
    const off = connection.onOtherServer(() => heard++);
    connection.onOtherServer(() => heard++);
    await connection.connect();
    off();
    await server.restart();
    await eventually(() => connection.command({ key: 'k', args: ['GET', 'k'] }, within()), { within: 15_000 });
    expect(heard).toBe(1);
    await eventually(() => warnings.some((text) => text.includes('a listener of the test')));
    process.off('warning', note);
    await connection.close();
  });
});
