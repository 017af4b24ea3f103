import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectStandalone } from '../../../src/backends/redis/standalone.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { ask, libraries, rejection, within } from './libraries.js';
import { selfSigned } from './self-signed.js';

describe.each(libraries)('TLS over $library', ({ connect, client: make, library }) => {
  const { key, cert } = selfSigned();
  const trusting = { ca: cert, servername: 'localhost' };
  const sockets = new Set<Socket>();
  let redis: RedisServer;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    redis = await startRedis();
    server = createServer({ key, cert }, (inner) => {
      const outer = connectTcp(redis.port, '127.0.0.1');
      for (const socket of [inner, outer]) sockets.add(socket.on('error', () => {}));
      inner.pipe(outer).pipe(inner);
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `rediss://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await redis.stop();
  });

  it('works by options', async () => {
    const connection = connect({ url, tls: trusting });
    const calls = Array.from({ length: 50 }, (_, index) => ask(connection, 'SET', `k${index}`, Buffer.alloc(10_000, index)));
    await Promise.all(calls);
    const [value] = await connection.getMany(['k49'], within());
    expect(value).toEqual(Buffer.alloc(10_000, 49));
    await connection.close();
  });

  it("works over the user's client", async () => {
    const client = make(url, trusting);
    const connection = connectStandalone({ client });
    expect(connection.driver === 'node-redis').toBe(library === '@redis/client');
    expect(await ask(connection, 'PING')).toEqual(Buffer.from('PONG'));
    await connection.close();
  });

  it('does not trust whom it does not know', async () => {
    const connection = connect({ url });
    expect((await rejection(ask(connection, 'PING'))).message).toMatch(/self[- ]signed certificate/);
    expect(connection.state).toBe('down');
    await connection.close();
  });

  it('is expected by a server that is spoken to without', async () => {
    const connection = connect({ url: url.replace('rediss:', 'redis:') });
    expect((await rejection(ask(connection, 'PING'))).message).toMatch(/does not speak the Redis protocol|expect TLS/);
    await connection.close();
  });
});
