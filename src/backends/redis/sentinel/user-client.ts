import { ConfigError } from '../../../errors.js';
import { type Address, type AddressOption, type NatMap, readAddress } from '../address.js';
import { withNodeRedis } from '../choose-driver.js';
import type { Driver } from '../driver.js';
import { type IoredisLike, ioredisClientDriver } from '../ioredis.js';
import { type NodeRedisOptions, nodeRedisOptionsDriver } from '../node-redis.js';
import { keepQuiet } from '../quiet-client.js';

/** What we use of a sentinel of @redis/client 6, so that our types need it not. */
export interface NodeRedisSentinelLike {
  duplicate(overrides?: object): unknown;
  getSentinelNode(): unknown;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

export type SentinelClientLike = IoredisLike | NodeRedisSentinelLike;

/** What a client for Sentinels was made with. */
export interface SentinelClient {
  readonly nodes: Driver;
  readonly sentinels: Driver;
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly natMap: NatMap | undefined;
}

/** @throws ConfigError when it is none, or cannot be used */
export function sentinelClient(client: unknown, connectTimeout: number): SentinelClient {
  const methods = (typeof client === 'object' && client !== null ? client : {}) as Record<string, unknown>;
  const can = (...names: string[]) => names.every((name) => typeof methods[name] === 'function');
  if (can('getSentinelNode', 'duplicate')) return ofNodeRedis(client as NodeRedisSentinelLike, connectTimeout);
  if (can('duplicate', 'connect', 'getBuffer')) return ofIoredis(client as IoredisLike, connectTimeout);
  if (can('duplicate', 'connect', 'sendCommand')) throw notForSentinels();
  throw new ConfigError(
    'client must be an ioredis (5 or 6) made with sentinels, new Redis({ name, sentinels }), or an @redis/client (6) one, made by createSentinel(…).',
  );
}

interface IoredisSentinelOptions {
  readonly keyPrefix?: string | undefined;
  readonly role?: string | undefined;
  readonly name?: string | undefined;
  readonly sentinels?: readonly AddressOption[] | null | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  readonly sentinelTLS?: object | undefined;
  readonly enableTLSForSentinelMode?: boolean | undefined;
  readonly tls?: object | undefined;
  readonly natMap?: NatMap | null | undefined;
}

function ofIoredis(client: IoredisLike, connectTimeout: number): SentinelClient {
  const options = client.options as IoredisSentinelOptions;
  if (!options.sentinels?.length || !options.name) throw notForSentinels();
  refuseKeyPrefix(options.keyPrefix);
  if (options.role === 'slave') {
    throw new ConfigError(
      "the client has role: 'slave' and goes to replicas, where nothing can be stored. Pass one without it.",
    );
  }
  const direct = { sentinels: null, name: null, failoverDetector: false };
  return {
    nodes: ioredisClientDriver(client, connectTimeout, {
      ...direct,
      tls: options.enableTLSForSentinelMode ? options.tls : undefined,
    }),
    sentinels: ioredisClientDriver(client, connectTimeout, {
      ...direct,
      username: options.sentinelUsername ?? null,
      password: options.sentinelPassword ?? null,
      tls: options.sentinelTLS,
      db: 0,
    }),
    name: options.name,
    addresses: read(options.sentinels),
    natMap: options.natMap ?? undefined,
  };
}

interface NodeRedisSentinelOptions {
  readonly name: string;
  readonly keyPrefix?: string | Buffer | undefined;
  readonly sentinelRootNodes: readonly AddressOption[];
  readonly nodeClientOptions?: NodeRedisOptions | undefined;
  readonly sentinelClientOptions?: NodeRedisOptions | undefined;
  readonly nodeAddressMap?: NatMap | undefined;
}

function ofNodeRedis(client: NodeRedisSentinelLike, connectTimeout: number): SentinelClient {
  const { name, keyPrefix, sentinelRootNodes, nodeClientOptions, sentinelClientOptions, nodeAddressMap } = optionsOf(client);
  refuseKeyPrefix(keyPrefix);
  const nodes = withNodeRedis(() => nodeRedisOptionsDriver(nodeClientOptions ?? {}, connectTimeout));
  return {
    nodes: { ...nodes, release: keepQuiet(client) },
    sentinels: withNodeRedis(() => nodeRedisOptionsDriver(sentinelClientOptions ?? {}, connectTimeout)),
    name,
    addresses: read(sentinelRootNodes),
    natMap: nodeAddressMap,
  };
}

/** A sentinel of @redis/client keeps its options to itself; its duplicate() hands them to the constructor of what it is called on. */
function optionsOf(sentinel: NodeRedisSentinelLike): NodeRedisSentinelOptions {
  let options: NodeRedisSentinelOptions | undefined;
  const recorder = {
    constructor: function record(given: NodeRedisSentinelOptions) {
      options = given;
    },
  };
  const lookAlike = Object.assign(Object.create(recorder), { _self: (sentinel as { _self?: unknown })._self });
  try {
    sentinel.duplicate.call(lookAlike);
  } catch {}
  if (options !== undefined) return options;
  throw new ConfigError(
    'this version of @redis/client does not tell what its sentinel was made with: give name, sentinels and the passwords as options instead of client.',
  );
}

function read(addresses: readonly AddressOption[]): Address[] {
  return addresses.map((given, index) => readAddress(given, 26_379, `sentinel ${index + 1} of the client`));
}

function refuseKeyPrefix(keyPrefix: string | Buffer | undefined): void {
  if (keyPrefix === undefined || keyPrefix.length === 0) return;
  throw new ConfigError(
    `the client has a keyPrefix of its own ('${keyPrefix}'), which would be put before our keys in some commands and not in others. Pass a client without one: the cache's name is its prefix.`,
  );
}

function notForSentinels(): ConfigError {
  return new ConfigError(
    'the client is not made for Sentinels: pass new Redis({ name, sentinels }) or createSentinel(…), or use .redis({ client }) for one server alone.',
  );
}
