import { type DriverName, driverFor, driverOver } from './choose-driver.js';
import type { ServerOptions } from './client-options.js';
import type { Connection } from './connection.js';
import type { IoredisLike } from './ioredis.js';
import type { NodeRedisLike } from './node-redis.js';
import { type ConnectionTimings, RedisConnection } from './redis-connection.js';

/** Where the server is, or the user's own client. */
export interface StandaloneOptions extends ServerOptions, ConnectionTimings {
  /** The user's client: we work on copies of it and never close it. Everything else about the server is then ignored. */
  readonly client?: IoredisLike | NodeRedisLike | undefined;
  /** Default: whichever is installed, ioredis first. */
  readonly driver?: DriverName | undefined;
}

/**
 * A connection to one Redis server. It connects with the first call.
 * @throws ConfigError when the client library is not installed, or the url or client cannot be used
 */
export function connectStandalone(options: StandaloneOptions = {}): Connection {
  const { client, driver, connectTimeout = 5_000 } = options;
  const made = client === undefined ? driverFor(options, driver) : driverOver(client, connectTimeout);
  return new RedisConnection(made, { ...options, connectTimeout });
}
