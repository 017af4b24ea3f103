import { createSentinel } from '@redis/client';
import { Redis as Redis5 } from 'ioredis';
import { Redis as Redis6 } from 'ioredis6';
import { resolveServer } from '../../../../src/backends/redis/client-options.js';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { ioredisDriverOver } from '../../../../src/backends/redis/ioredis.js';
import { connectSentinel, connectSentinelBy, type SentinelOptions } from '../../../../src/backends/redis/sentinel.js';
import type { SentinelView } from '../../../support/sentinel-view.js';

type Address = { readonly host: string; readonly port: number };

/** What the client of a user is made with here. */
export interface ClientOptions {
  readonly name: string;
  readonly sentinels: readonly Address[];
  readonly password?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  readonly db?: number | undefined;
  readonly keyPrefix?: string | undefined;
  readonly natMap?: Record<string, Address> | undefined;
}

const forIoredis = ({ sentinels, natMap, ...options }: ClientOptions) => ({
  ...options,
  sentinels: [...sentinels],
  ...(natMap && { natMap }),
  lazyConnect: true,
});

/** Every library, and how to connect with it by options and with a client of the user's. */
export const libraries = [
  {
    library: 'ioredis 5',
    connect: (options: SentinelOptions): Connection => connectSentinel({ ...options, driver: 'ioredis' }),
    client: (options: ClientOptions) => new Redis5(forIoredis(options)),
  },
  {
    library: 'ioredis 6',
    connect: (options: SentinelOptions): Connection =>
      connectSentinelBy((server) => ioredisDriverOver((settings) => new Redis6(settings), resolveServer(server)), options),
    client: (options: ClientOptions) => new Redis6(forIoredis(options)),
  },
  {
    library: '@redis/client',
    connect: (options: SentinelOptions): Connection => connectSentinel({ ...options, driver: 'node-redis' }),
    client: ({ name, sentinels, password, sentinelPassword, db, keyPrefix, natMap }: ClientOptions) =>
      createSentinel({
        name,
        sentinelRootNodes: [...sentinels],
        ...(keyPrefix && { keyPrefix }),
        ...(natMap && { nodeAddressMap: natMap }),
        nodeClientOptions: { ...(password && { password }), ...(db && { database: db }) },
        ...(sentinelPassword && { sentinelClientOptions: { password: sentinelPassword } }),
      }),
  },
] as const;

/** How to get into a topology of the tests. */
export function optionsFor({
  masterName,
  sentinels,
  password,
  sentinelPassword,
}: SentinelView): SentinelOptions & ClientOptions {
  return { name: masterName, sentinels, password, sentinelPassword };
}
