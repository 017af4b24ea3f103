import { ConfigError } from '../../../errors.js';
import { type Address, type NatMap, readAddress } from '../address.js';
import { withNodeRedis } from '../choose-driver.js';
import { parseRedisUrl } from '../client-options.js';
import type { Driver } from '../driver.js';
import { type IoredisLike, ioredisClientDriver } from '../ioredis.js';
import { type NodeRedisOptions, nodeRedisOptionsDriver } from '../node-redis.js';
import { keepQuiet } from '../quiet-client.js';

/** What we use of a Cluster client of ioredis 5 or 6, so that our types need no ioredis. */
export interface IoredisClusterLike {
  readonly isCluster: boolean;
  readonly options: object;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

/** The same of a cluster of @redis/client 6. */
export interface NodeRedisClusterLike {
  readonly slots: object;
  readonly masters: object;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

export type ClusterClientLike = IoredisClusterLike | NodeRedisClusterLike;

/** What a client for a Cluster was made with. */
export interface ClusterClient {
  readonly driver: Driver;
  readonly seeds: readonly Address[];
  readonly natMap: NatMap | undefined;
}

/**
 * The client itself is neither used nor closed; it only gets an error listener.
 * @throws ConfigError when it is none, or cannot be used
 */
export function clusterClient(client: unknown, connectTimeout: number): ClusterClient {
  const parts = (typeof client === 'object' && client !== null ? client : {}) as Record<string, unknown>;
  if (parts.isCluster === true) return ofIoredis(client as IoredisClusterLike, connectTimeout);
  if ('masters' in parts && 'slots' in parts && 'nodeByAddress' in parts) {
    return ofNodeRedis(client as NodeRedisClusterLike, connectTimeout);
  }
  if (typeof parts.duplicate === 'function') {
    throw new ConfigError(
      'the client is made for one server: pass new Cluster(…) of ioredis or createCluster(…) of @redis/client, or use .redis({ client }).',
    );
  }
  throw new ConfigError(
    'client must be a Cluster of ioredis (5 or 6), made by new Cluster(…), or of @redis/client (6), made by createCluster(…).',
  );
}

interface Credentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

interface IoredisClusterParts {
  readonly startupNodes: readonly (string | number | (Credentials & { host?: string; port?: number | string }))[];
  readonly options: {
    readonly keyPrefix?: string | undefined;
    readonly redisOptions?: (Credentials & { readonly keyPrefix?: string }) | undefined;
    readonly natMap?: NatMap | undefined;
    readonly useSRVRecords?: boolean | undefined;
  };
  readonly connectionPool?: { createRedisFromOptions?(node: object, readOnly: boolean): IoredisLike } | undefined;
}

function ofIoredis(client: IoredisClusterLike, connectTimeout: number): ClusterClient {
  const { startupNodes, options, connectionPool } = client as unknown as IoredisClusterParts;
  const { redisOptions, natMap, keyPrefix = redisOptions?.keyPrefix, useSRVRecords } = options;
  refuseKeyPrefix(keyPrefix);
  if (useSRVRecords === true) {
    throw new ConfigError('the client finds its nodes by SRV records; give nodes as options instead of client.');
  }
  const nodes = startupNodes.map((node) => {
    if (typeof node === 'number') return { address: { host: '127.0.0.1', port: node } };
    if (typeof node !== 'string')
      return { ...node, address: { host: node.host ?? '127.0.0.1', port: Number(node.port ?? 6379) } };
    const url = node.includes('://')
      ? parseRedisUrl(node, 'a startup node of the client')
      : readAddress(node, 6379, 'a startup node');
    return { ...url, address: { host: url.host ?? '127.0.0.1', port: url.port ?? 6379 } };
  });
  if (connectionPool?.createRedisFromOptions === undefined) {
    throw new ConfigError(
      'this version of ioredis does not make single clients of its Cluster: give nodes as options instead.',
    );
  }
  // Never connected: it is what copies are made of, by the same version of the library and with the user's settings.
  const model = connectionPool.createRedisFromOptions({ ...credentialsIn(redisOptions, nodes), ...nodes[0]?.address }, false);
  return {
    driver: listening(client, ioredisClientDriver(model, connectTimeout)),
    seeds: nodes.map(({ address }) => address),
    natMap: withoutNull(natMap),
  };
}

interface NodeRedisClusterOptions {
  readonly rootNodes: readonly NodeRedisNode[];
  readonly defaults?: NodeRedisNode | undefined;
  readonly nodeAddressMap?: NatMap | undefined;
  readonly keyPrefix?: string | Buffer | undefined;
}

type NodeRedisNode = NodeRedisOptions & Credentials & { readonly url?: string | undefined };

function ofNodeRedis(client: NodeRedisClusterLike, connectTimeout: number): ClusterClient {
  const options = (client as { readonly _options?: NodeRedisClusterOptions })._options;
  if (options === undefined) {
    throw new ConfigError(
      'this version of @redis/client does not tell what its cluster was made with: give nodes as options instead.',
    );
  }
  refuseKeyPrefix(options.keyPrefix);
  const defaults = withUrl(options.defaults ?? {});
  const nodes = options.rootNodes.map(withUrl);
  const common = { ...defaults, ...credentialsIn(defaults, nodes) };
  return {
    driver: listening(
      client,
      withNodeRedis(() => nodeRedisOptionsDriver(common, connectTimeout)),
    ),
    seeds: nodes.map(({ socket }) => ({ host: String(socket?.host ?? 'localhost'), port: Number(socket?.port ?? 6379) })),
    natMap: withoutNull(options.nodeAddressMap),
  };
}

/** As the library reads it: what the url says goes before what is given beside it. */
function withUrl(node: NodeRedisNode): NodeRedisNode {
  if (node.url === undefined) return node;
  const { url, ...rest } = node;
  const { host, port, username, password, tls } = parseRedisUrl(url, 'a node of the client');
  const place = {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(tls !== undefined && { tls: true }),
  };
  return {
    ...rest,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    socket: { ...rest.socket, ...place },
  };
}

/** Those of every node, or else those that stand with the nodes that were named. */
function credentialsIn(common: Credentials | undefined, nodes: readonly Credentials[]): Credentials {
  const { username, password } = [common ?? {}, ...nodes].find((each) => each.password !== undefined) ?? {};
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}

function listening(client: ClusterClientLike, driver: Driver): Driver {
  const release = keepQuiet(client);
  return {
    ...driver,
    release() {
      driver.release();
      release();
    },
  };
}

function refuseKeyPrefix(keyPrefix: string | Buffer | undefined): void {
  if (keyPrefix === undefined || keyPrefix.length === 0) return;
  throw new ConfigError(
    `the client has a keyPrefix of its own ('${keyPrefix}'), which would be put before our keys in some commands and not in others. Pass a client without one: the cache's name is its prefix.`,
  );
}

/** Either library lets a function say null for an address that stays as it is. */
function withoutNull(natMap: NatMap | undefined): NatMap | undefined {
  return typeof natMap === 'function' ? (announced) => natMap(announced) ?? undefined : natMap;
}
