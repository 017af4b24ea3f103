import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { z } from 'zod';
import type { AddressOption, NatMap } from '../backends/redis/address.js';
import type { ClusterOptions as ClusterSettings } from '../backends/redis/cluster.js';
import type { Duration } from '../duration.js';
import { checkOptions, configError, objectWith } from './check.js';
import type { ReconnectOptions } from './reconnect-options.js';
import { accessOptions } from './redis-options.js';
import { clientProblems, seedProblems, seedTlsProblems, topologyFields } from './topology-fields.js';

/** Options of `.cluster()`: some of the nodes and how to get into all of them, or a client of yours. */
export interface ClusterOptions {
  /**
   * Any of the nodes; they tell of the others. `'host:port'`, `{ host, port }` or `'redis://user:password@host:port'` (`rediss://`
   * for TLS), whose user and password are those of all nodes. Default port 6379.
   */
  readonly nodes?: readonly AddressOption[] | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** TLS, with options of `tls.connect` if need be. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** For addresses that the nodes announce and this process cannot reach: `'host:port'` to the address that it can. */
  readonly natMap?: NatMap | undefined;
  /** Bounds TCP, TLS, authentication and the first exchange with a node; also how long `ready()` waits. Default 5 s. */
  readonly connectTimeout?: Duration | undefined;
  /** Idle time before TCP asks whether the other side is still there. Default 5 s. */
  readonly keepAlive?: Duration | undefined;
  /** How soon a lost connection is made anew. Default after 50 ms, then after pauses that double up to 1 s. */
  readonly reconnect?: ReconnectOptions | undefined;
  /** Your own Cluster client of ioredis or @redis/client. What it was made with is used; it is neither changed nor closed. */
  readonly client?: ClusterSettings['client'];
  /** Which client library. Default: whichever is installed, ioredis first. */
  readonly driver?: 'ioredis' | 'node-redis' | undefined;
}

const clusterOptions = z.strictObject({
  nodes: topologyFields.seeds('nodes', 6379).optional(),
  ...accessOptions,
  natMap: topologyFields.natMap('natMap').optional(),
  client: objectWith<NonNullable<ClusterOptions['client']>>('client', ['on', 'removeListener']).optional(),
});

export function readClusterOptions(given: unknown): ClusterSettings {
  const hint = " Write .cluster({ nodes: ['host:6379'] }), or .cluster({ client }) with a client of your own.";
  const options = checkOptions('cluster', clusterOptions, given, hint);
  const { client, connectTimeout, reconnect, ...others } = options;
  const problems = [
    ...seedProblems('nodes', options.nodes, client),
    ...clientProblems(client, others),
    ...seedTlsProblems(options.nodes, options.tls, 'tls', 'nodes'),
  ];
  if (problems.length > 0) throw configError('cluster()', problems);
  return options;
}
