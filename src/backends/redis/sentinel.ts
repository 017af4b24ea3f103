import { ConfigError } from '../../errors.js';
import type { AddressOption, NatMap } from './address.js';
import { type DriverName, driverFor } from './choose-driver.js';
import type { ServerOptions } from './client-options.js';
import type { Connection } from './connection.js';
import type { Driver } from './driver.js';
import { type ConnectionTimings, RedisConnection } from './redis-connection.js';
import { accessBy, readSeeds } from './seeds.js';
import { sentinelDriver } from './sentinel/sentinel-driver.js';
import { type SentinelClientLike, sentinelClient } from './sentinel/user-client.js';

/** Where the Sentinels are and how to get into them and into the nodes, or the user's own client. */
export interface SentinelOptions
  extends Pick<ServerOptions, 'username' | 'password' | 'db' | 'tls' | 'connectTimeout' | 'keepAlive'>,
    ConnectionTimings {
  /** Of the master, as the Sentinels call it. */
  readonly name?: string | undefined;
  /**
   * Any of them; they tell of the others. `'host:port'`, `{ host, port }` or `'redis://user:password@host:port'` (`rediss://` for
   * TLS), whose user and password are those of all Sentinels. Default port 26379.
   */
  readonly sentinels?: readonly AddressOption[] | undefined;
  readonly sentinelUsername?: string | undefined;
  /** Default none: the password of the nodes is not sent to Sentinels. */
  readonly sentinelPassword?: string | undefined;
  /** Default: as `tls`, so that nothing goes unencrypted by oversight. */
  readonly sentinelTls?: ServerOptions['tls'];
  /** For addresses that the Sentinels know and this process cannot reach. */
  readonly natMap?: NatMap | undefined;
  /** Default: whichever is installed, ioredis first. */
  readonly driver?: DriverName | undefined;
  /** The user's own client, made for Sentinels: what it was made with is used, on links of our own. */
  readonly client?: SentinelClientLike | undefined;
}

const connectTimeoutDefault = 5_000;
const stallTimeoutDefault = 2_000;

/**
 * A connection to the master that Sentinels name, whichever node that is. It connects with the first call.
 * @throws ConfigError when the client library is not installed, or the addresses or the client cannot be used
 */
export function connectSentinel(options: SentinelOptions): Connection {
  const { client, connectTimeout = connectTimeoutDefault } = options;
  if (client === undefined) return connectSentinelBy((server) => driverFor(server, options.driver), options);
  return connection(sentinelClient(client, connectTimeout), options);
}

/** With drivers that `make` makes, for nodes and for Sentinels. */
export function connectSentinelBy(make: (server: ServerOptions) => Driver, options: SentinelOptions): Connection {
  const { name, sentinels = [], username, password, db, tls, connectTimeout, keepAlive, natMap } = options;
  if (name === undefined || name === '')
    throw new ConfigError("name must say what the Sentinels call the master, such as 'mymaster'.");
  if (sentinels.length === 0) throw new ConfigError('sentinels must name one Sentinel at least; they tell of the others.');
  const seeds = readSeeds(sentinels, 26_379, 'sentinels');
  const { sentinelUsername, sentinelPassword, sentinelTls } = options;
  const access = accessBy(seeds, { username: sentinelUsername, password: sentinelPassword, tls: sentinelTls });
  const common = { tls, connectTimeout, keepAlive };
  return connection(
    {
      nodes: make({ ...common, username, password, db }),
      sentinels: make({ ...common, ...access }),
      name,
      addresses: seeds.addresses,
      natMap,
    },
    options,
  );
}

type Ways = Omit<Parameters<typeof sentinelDriver>[0], 'connectTimeout' | 'stallTimeout' | 'reconnect'>;

function connection(ways: Ways, options: SentinelOptions): Connection {
  const { connectTimeout = connectTimeoutDefault, stallTimeout = stallTimeoutDefault } = options;
  const driver = sentinelDriver({ ...ways, connectTimeout, stallTimeout, reconnect: options.reconnect });
  return new RedisConnection(driver, { ...options, connectTimeout, stallTimeout });
}
