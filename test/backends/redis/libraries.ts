import type { ConnectionOptions } from 'node:tls';
import { createClient } from '@redis/client';
import { Redis as Redis5 } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { resolveServer } from '../../../src/backends/redis/client-options.js';
import type { Connection, Reply } from '../../../src/backends/redis/connection.js';
import { ioredisDriverOver } from '../../../src/backends/redis/ioredis.js';
import { RedisConnection } from '../../../src/backends/redis/redis-connection.js';
import { connectStandalone, type StandaloneOptions } from '../../../src/backends/redis/standalone.js';

/** Every library the seam works over: how to connect by options, and how a user makes a client. */
export const libraries = [
  {
    library: 'ioredis 5',
    connect: (options: StandaloneOptions): Connection => connectStandalone({ ...options, driver: 'ioredis' }),
    client: (url: string, tls?: ConnectionOptions) => new Redis5(url, { lazyConnect: true, ...(tls && { tls }) }),
  },
  {
    library: 'ioredis 6',
    connect: (options: StandaloneOptions): Connection =>
      new RedisConnection(
        ioredisDriverOver((settings) => new Redis6(settings), resolveServer(options)),
        options,
      ),
    client: (url: string, tls?: ConnectionOptions) => new Redis6(url, { lazyConnect: true, ...(tls && { tls }) }),
  },
  {
    library: '@redis/client',
    connect: (options: StandaloneOptions): Connection => connectStandalone({ ...options, driver: 'node-redis' }),
    client: (url: string, tls?: ConnectionOptions) => createClient({ url, ...(tls && { socket: { ...tls, tls: true } }) }),
  },
] as const;

/** A deadline `ms` from now. */
export function within(ms = 5_000): number {
  return performance.now() + ms;
}

/** Sends `SET key value` and the like. */
export function ask(connection: Connection, ...args: (string | Buffer)[]): Promise<Reply> {
  return connection.command({ key: String(args[1]), args }, within());
}

/** Resolves to the error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in settled && settled.error instanceof Error) return settled.error;
  throw new Error(`expected a rejection, got ${JSON.stringify(settled)}`);
}
