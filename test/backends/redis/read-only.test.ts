import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { eventually } from '../../support/eventually.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { ask, libraries, rejection, within } from './libraries.js';

/** An address that leads to one server and later to another, as the endpoint of a managed service does. Old connections stay. */
class Endpoint {
  target = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((inner) => {
    const outer = connectTcp(this.target, '127.0.0.1');
    for (const socket of [inner, outer]) this.#sockets.add(socket.on('error', () => {}));
    inner.pipe(outer).pipe(inner);
    inner.on('close', () => outer.destroy());
  });

  async open(target: number): Promise<number> {
    this.target = target;
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe.each(libraries)('a server that becomes read-only, over $library', ({ connect }) => {
  let old: RedisServer;
  let next: RedisServer;
  let endpoint: Endpoint;
  let connection: Connection;

  beforeEach(async () => {
    [old, next] = await Promise.all([startRedis(), startRedis()]);
    endpoint = new Endpoint();
    connection = connect({ host: '127.0.0.1', port: await endpoint.open(old.port) });
    await connection.connect();
  });
  afterEach(async () => {
    await connection.close();
    await endpoint.close();
    await Promise.all([old.stop(), next.stop()]);
  });
  const stoodFor = async (ms: number) => {
    const since = performance.now();
    await eventually(() => performance.now() - since > ms);
  };

  it('is left for the one that its address leads to now, without a failed write and with none twice', async () => {
    await stoodFor(1_100);
    endpoint.target = next.port;
    await old.cli('REPLICAOF', '127.0.0.1', String(next.port));
    const writes = [1, 2, 3].map((id) => ask(connection, 'INCR', `n${id}`));
    const batch = connection.batch([{ key: 'b', args: ['INCR', 'b'] }], within());
    expect(await Promise.all(writes)).toEqual([1, 1, 1]);
    expect(await batch).toEqual([1]);
    expect(await next.cli('MGET', 'n1', 'n2', 'n3', 'b')).toBe('1\n1\n1\n1');
    expect(connection.state).toBe('ready');
  });

  it('is told as such when there is no other, and served from again when it takes writes', async () => {
    await stoodFor(1_100);
    await old.cli('REPLICAOF', '127.0.0.1', String(next.port));
    const error = await rejection(ask(connection, 'INCR', 'n'));
    expect(error.name).toBe('ConnectionError');
    expect(error.message).toContain('READONLY');
    await old.cli('REPLICAOF', 'NO', 'ONE');
    await eventually(async () => (await ask(connection, 'INCR', 'n')) === 1);
  });
});
