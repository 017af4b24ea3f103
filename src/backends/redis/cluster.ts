import { ConfigError } from '../../errors.js';
import { type Address, type AddressOption, type NatMap, readAddress } from './address.js';
import { type DriverName, driverFor } from './choose-driver.js';
import { parseRedisUrl, type ServerOptions } from './client-options.js';
import { ClusterConnection } from './cluster/cluster-connection.js';
import { type ClusterClientLike, clusterClient } from './cluster/user-cluster.js';
import type { Connection } from './connection.js';
import type { Driver } from './driver.js';
import type { ConnectionTimings } from './redis-connection.js';

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
  const seeds = nodes.map((node, index) => readSeed(node, `nodes[${index}]`));
  const { username, password, tls } = { ...accessOf(seeds), ...given(options) };
  const driver = make({ ...seeds[0]?.address, username, password, tls, connectTimeout, keepAlive });
  return new ClusterConnection({ ...options, connectTimeout, driver, seeds: seeds.map(({ address }) => address), natMap });
}

type Access = Pick<ServerOptions, 'username' | 'password' | 'tls'>;

interface Seed {
  readonly address: Address;
  /** What a URL says of it. */
  readonly access: Access;
}

function readSeed(node: AddressOption, name: string): Seed {
  if (typeof node !== 'string' || !node.includes('://')) return { address: readAddress(node, 6379, name), access: {} };
  const { host = 'localhost', port = 6379, db = 0, ...access } = parseRedisUrl(node, name);
  if (db !== 0) throw new ConfigError(`${name} names database ${db}; a Cluster has database 0 only.`);
  return { address: { host, port }, access };
}

/** Nodes that nobody named get the same user, password and TLS as those that were, so there can be one of each only. */
function accessOf(seeds: readonly Seed[]): Access {
  const named = seeds.map(({ access }) => access).filter((access) => Object.keys(access).length > 0);
  const [first = {}] = named;
  for (const { username, password, tls } of named) {
    if (username !== first.username || password !== first.password || (tls === undefined) !== (first.tls === undefined)) {
      throw new ConfigError(
        'nodes have different users, passwords or TLS in their URLs; all nodes of a Cluster need the same.',
      );
    }
  }
  return first;
}

function given({ username, password, tls }: ClusterOptions): Access {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
  };
}
