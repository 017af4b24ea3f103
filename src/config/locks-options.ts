import { z } from 'zod';
import { addressText } from '../backends/redis/address.js';
import { resolveServer } from '../backends/redis/client-options.js';
import type { Clock } from '../clock.js';
import { type Duration, finiteMs, nonNegativeMs } from '../duration.js';
import { checkName } from '../entries/keys.js';
import { ConfigError } from '../errors.js';
import type { LockOptions } from '../lock.js';
import { lockOutagePolicyIn, lockTtlIn } from '../locks/lock-options.js';
import { checkOptions, convertedBy, must, wholeNumber } from './check.js';
import { type ClusterOptions, readClusterOptions } from './cluster-options.js';
import { type RedisOptions, readRedisOptions } from './redis-options.js';
import { readSentinelOptions, type SentinelOptions } from './sentinel-options.js';
import type { TopologySettings } from './topology.js';

/** What calls use that do not say otherwise; options of `.locks()`. */
export interface LockDefaultOptions extends Pick<LockOptions, 'ttl' | 'wait' | 'autoRenew' | 'outage'> {
  /** How many may be held and waited for at a time in this process. Default 100,000. */
  readonly maxLocks?: number | undefined;
}

/** Options of {@link memoryLocks}. */
export interface MemoryLocksOptions extends LockDefaultOptions {
  /** Time, for tests. */
  readonly clock?: Clock | undefined;
}

/** Options of {@link redisLocks}: one of `redis`, `cluster` and `sentinel`. */
export interface RedisLocksOptions extends LockDefaultOptions {
  /** Goes before every name in Redis, as the name of a cache does; programs that are to keep each other off take the same. Default `'tierkeep'`. */
  readonly name?: string | undefined;
  readonly redis?: RedisOptions | undefined;
  readonly cluster?: ClusterOptions | undefined;
  readonly sentinel?: SentinelOptions | undefined;
  /** How long one request to Redis may take. Default 500 ms. */
  readonly budget?: Duration | undefined;
  readonly clock?: Clock | undefined;
}

/** Options of {@link redlock}. */
export interface RedlockOptions extends LockDefaultOptions {
  readonly name?: string | undefined;
  /** Servers that do not know of each other, and do not fail together: an odd number from 3 up. In the same order in all processes is not needed. */
  readonly nodes: readonly RedisOptions[];
  /** How long one request to each node may take; a majority that answers sooner is not kept waiting by the others. Default 500 ms. */
  readonly budget?: Duration | undefined;
  readonly clock?: Clock | undefined;
}

const mostLocks = 10_000_000;

const defaultFields = {
  ttl: convertedBy(lockTtlIn).optional(),
  wait: convertedBy((given: Duration) => nonNegativeMs(given, 'wait')).optional(),
  autoRenew: z.boolean(must('autoRenew', 'true or false')).optional(),
  outage: convertedBy(lockOutagePolicyIn).optional(),
  maxLocks: wholeNumber('maxLocks', 1, mostLocks).optional(),
};

const ownFields = {
  name: convertedBy((given: string) => {
    checkName(given, 'name');
    return given;
  }).optional(),
  budget: convertedBy((given: Duration) => finiteMs(given, 'budget')).optional(),
  clock: z.custom<Clock>((given) => typeof Object(given).monotonic === 'function', must('clock', 'a Clock')).optional(),
};

const cacheLocks = z.strictObject(defaultFields);
const memoryLocks = z.strictObject({ ...defaultFields, clock: ownFields.clock });
const redisLocks = z.strictObject({
  ...defaultFields,
  ...ownFields,
  redis: convertedBy(readRedisOptions).optional(),
  cluster: convertedBy(readClusterOptions).optional(),
  sentinel: convertedBy(readSentinelOptions).optional(),
});
const redlock = z.strictObject({ ...defaultFields, ...ownFields, nodes: convertedBy(nodesIn) });

/** Two can agree on nothing when one is away, and of an even number a majority is no smaller than of one more. */
function nodesIn(given: readonly RedisOptions[]) {
  if (!Array.isArray(given) || given.length < 3 || given.length % 2 === 0) {
    throw new ConfigError(
      `nodes must be a list of 3, 5 or 7 independent servers, got ${Array.isArray(given) ? given.length : typeof given}. For one Redis use redisLocks().`,
    );
  }
  const nodes = given.map((node) => readRedisOptions(node));
  const servers = nodes.filter(({ client }) => client === undefined).map(resolveServer);
  const addresses = servers.map(addressText);
  const twice = addresses.find((address, index) => addresses.indexOf(address) !== index);
  if (twice === undefined) return nodes;
  throw new ConfigError(`nodes must be servers that do not fail together, and ${twice} is named twice.`);
}

export type LocksSettingsOfCache = z.output<typeof cacheLocks>;

export const readLocksOptions = (given: unknown) => checkOptions('locks', cacheLocks, given);
export const readMemoryLocksOptions = (given: unknown) => checkOptions('memoryLocks', memoryLocks, given);
export const readRedlockOptions = (given: unknown) => checkOptions('redlock', redlock, given);

export function readRedisLocksOptions(given: unknown) {
  const { redis, cluster, sentinel, ...rest } = checkOptions('redisLocks', redisLocks, given);
  const topologies: TopologySettings[] = [
    ...(redis === undefined ? [] : [{ kind: 'redis', options: redis } as const]),
    ...(cluster === undefined ? [] : [{ kind: 'cluster', options: cluster } as const]),
    ...(sentinel === undefined ? [] : [{ kind: 'sentinel', options: sentinel } as const]),
  ];
  const [topology] = topologies;
  if (topologies.length === 1 && topology !== undefined) return { topology, ...rest };
  throw new ConfigError(
    `redisLocks() takes one of redis, cluster and sentinel, got ${topologies.length === 0 ? 'none' : topologies.map(({ kind }) => kind).join(' and ')}. Write redisLocks({ redis: { url: 'redis://…' } }).`,
  );
}
