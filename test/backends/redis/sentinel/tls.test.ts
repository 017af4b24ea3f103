import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { createSentinel } from '@redis/client';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { connectSentinel } from '../../../../src/backends/redis/sentinel.js';
import { ask, rejection } from '../libraries.js';
import { selfSigned } from '../self-signed.js';
import { type OneSentinel, startOneSentinel } from './one-sentinel.js';
import { libraries } from './sentinel-libraries.js';

const host = '127.0.0.1';
const { key, cert } = selfSigned();
const trusting = { ca: cert, servername: 'localhost' };

describe('TLS to Sentinels and nodes', () => {
  const closers: (() => Promise<void>)[] = [];
  let one: OneSentinel;
  let sentinel: { host: string; port: number };
  let plainSentinel: { host: string; port: number };
  let natMap: Record<string, { host: string; port: number }>;

  beforeAll(async () => {
    one = await startOneSentinel();
    plainSentinel = { host, port: one.sentinel.port };
    sentinel = { host, port: await terminate(one.sentinel.port) };
    natMap = { [`${host}:${one.node.port}`]: { host, port: await terminate(one.node.port) } };
  });
  afterAll(async () => {
    for (const close of closers) await close();
    await one.stop();
  });

  /** Encrypts what goes to a port. */
  async function terminate(port: number): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer({ key, cert }, (inner) => {
      const outer = connectTcp(port, host);
      for (const socket of [inner, outer]) sockets.add(socket.on('error', () => {}));
      inner.pipe(outer).pipe(inner);
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }

  async function expectServed(connection: Connection) {
    expect(await ask(connection, 'PING')).toEqual(Buffer.from('PONG'));
    await connection.close();
  }

  it.each(libraries)('is for both unless the Sentinels have settings of their own: $library', async ({ connect }) => {
    const common = { name: 'primary', natMap, tls: trusting };
    await expectServed(connect({ ...common, sentinels: [sentinel] }));
    await expectServed(connect({ ...common, sentinels: [plainSentinel], sentinelTls: false }));
    const plain = connect({ ...common, sentinels: [plainSentinel], connectTimeout: 500 });
    expect((await rejection(ask(plain, 'PING'))).message).toContain('no Sentinel knows where the master is');
    await plain.close();
  });

  it("is taken over from the user's ioredis", async () => {
    const options = { name: 'primary', sentinels: [sentinel], natMap, sentinelTLS: trusting, tls: trusting, lazyConnect: true };
    await expectServed(connectSentinel({ client: new Redis({ ...options, enableTLSForSentinelMode: true }) }));
    // That is ioredis' own idea of it: without the flag the nodes are spoken to without TLS.
    const client = new Redis({ ...options, natMap: {} });
    await expectServed(connectSentinel({ client }));
  });

  it("is taken over from the user's @redis/client", async () => {
    const encrypted = { socket: { tls: true as const, ...trusting } };
    const client = createSentinel({
      name: 'primary',
      sentinelRootNodes: [sentinel],
      nodeAddressMap: natMap,
      nodeClientOptions: encrypted,
      sentinelClientOptions: encrypted,
    });
    await expectServed(connectSentinel({ client }));
  });
});
