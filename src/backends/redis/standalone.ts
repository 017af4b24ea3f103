import { resolveServer, type ServerOptions } from './client-options.js';
import type { Connection } from './connection.js';
import { ioredisDriver } from './ioredis.js';
import { type ConnectionTimings, RedisConnection } from './redis-connection.js';

export interface StandaloneOptions extends ServerOptions, ConnectionTimings {
  readonly driver?: Connection['driver'] | undefined;
}

export function connectStandalone(options: StandaloneOptions): Connection {
  return new RedisConnection(ioredisDriver(resolveServer(options)), options);
}
