import { ConfigError } from '../../errors.js';
import type { AddressOption, NatMap } from './address.js';
import { type DriverName, driverFor } from './choose-driver.js';
import type { ServerOptions } from './client-options.js';
import { ClusterConnection } from './cluster/cluster-connection.js';
import { type ClusterClientLike, clusterClient } from './cluster/user-cluster.js';
import type { Connection } from './connection.js';
import type { Driver } from './driver.js';
import type { ConnectionTimings } from './redis-connection.js';
import { accessBy, readSeeds } from './seeds.js';

/** Where some of the nodes are and how to get into all of them, or the user's own client. */
export interface ClusterOptions
  extends Pick<ServerOptions, 'username' | 'password' | 'tls' | 'connectTimeout' | 'keepAlive'>,
    ConnectionTimings {
  /**
   * Any of the nodes; they tell of the others. `'host:port'`, `{ host, port }` or `'redis://user:password@host:port'` (`rediss://`
   * for TLS), whose user and password are those of all nodes. Default port 6379.
   */
  readonly nodes?: readonly AddressOption[] | undefined;
  /** For addresses that the nodes announce and this process cannot reach. */
  readonly natMap?: NatMap | undefined;
  /** Default: whichever is installed, ioredis first. */
  readonly driver?: DriverName | undefined;
  /** The user's own client, made for a Cluster: what it was made with is used, on links of our own. */
  readonly client?: ClusterClientLike | undefined;
}

const connectTimeoutDefault = 5_000;

/**
 * A connection to a Redis Cluster. It connects with the first call.
 * @throws ConfigError when the client library is not installed, or the nodes or the client cannot be used
 */
export function connectCluster(options: ClusterOptions): Connection {
  const { client, connectTimeout = connectTimeoutDefault } = options;
  if (client === undefined) return connectClusterBy((server) => driverFor(server, options.driver), options);
  return new ClusterConnection({ ...options, connectTimeout, ...clusterClient(client, connectTimeout) });
}

/** With the driver that `make` makes for the first of the nodes. */
export function connectClusterBy(make: (server: ServerOptions) => Driver, options: ClusterOptions): Connection {
  const { nodes = [], natMap, keepAlive, connectTimeout = connectTimeoutDefault } = options;
  if (nodes.length === 0) throw new ConfigError('nodes must name one node of the Cluster at least; it tells of the others.');
  const seeds = readSeeds(nodes, 6379, 'nodes');
  const driver = make({ ...seeds.addresses[0], ...accessBy(seeds, options), connectTimeout, keepAlive });
  return new ClusterConnection({ ...options, connectTimeout, driver, seeds: seeds.addresses, natMap });
}
