import { z } from 'zod';
import { type AddressOption, type NatMap, readAddress } from '../backends/redis/address.js';
import {
  atLeast100Ms,
  busMode,
  errorThreshold,
  maxBytes,
  maxEntries,
  maxNames,
  outagePolicy,
  retries,
  volumeThreshold,
} from '../config.js';
import { type Duration, endingMs, finiteMs, nonNegativeMs, positiveMs } from '../duration.js';
import { checkName } from '../entries/keys.js';
import { ConfigError } from '../errors.js';
import { convertedBy, must } from './check.js';
import { redisFields } from './redis-options.js';
import { topologyFields } from './topology-fields.js';

/** A variable of the environment, without the user's prefix, and how its text is checked and converted. */
export type Variable<T = unknown> = readonly [variable: string, field: (name: string) => z.ZodType<T>];

/** By the setting that they give; the groups are the steps of the builder. */
export const variables = {
  general: {
    backend: [
      'CACHE_BACKEND',
      (name) => z.enum(['memory', 'redis', 'cluster', 'sentinel'], must(name, "'memory', 'redis', 'cluster' or 'sentinel'")),
    ],
    name: [
      'CACHE_NAME',
      (name) =>
        convertedBy((text: string) => {
          checkName(text, name);
          return text;
        }),
    ],
    busMode: ['CACHE_BUS_MODE', busMode],
    outage: ['CACHE_OUTAGE', outagePolicy],
  },
  settings: {
    ttl: ['CACHE_TTL', duration(positiveMs)],
    grace: ['CACHE_GRACE', duration(nonNegativeMs)],
    budget: ['CACHE_BUDGET', duration(finiteMs)],
    hardTimeout: ['CACHE_HARD_TIMEOUT', duration(finiteMs)],
    softTimeout: ['CACHE_SOFT_TIMEOUT', duration(nonNegativeMs)],
    jitter: ['CACHE_JITTER', duration(endingMs)],
    swr: ['CACHE_SWR', duration(nonNegativeMs)],
    negativeTtl: ['CACHE_NEGATIVE_TTL', duration(positiveMs)],
    errorBackoff: ['CACHE_ERROR_BACKOFF', duration(endingMs)],
    outageTtl: ['CACHE_OUTAGE_TTL', duration(positiveMs)],
    leaseTtl: ['CACHE_LEASE_TTL', duration(atLeast100Ms)],
    maxStaleness: ['CACHE_MAX_STALENESS', duration(atLeast100Ms)],
  },
  memory: {
    maxEntries: ['CACHE_MAX_ENTRIES', number(maxEntries)],
    maxBytes: ['CACHE_MAX_BYTES', number(maxBytes)],
    ttl: ['CACHE_MEMORY_TTL', duration(positiveMs)],
  },
  circuitBreaker: {
    resetTimeout: ['CACHE_CIRCUIT_RESET_TIMEOUT', duration(finiteMs)],
    errorThreshold: ['CACHE_CIRCUIT_ERROR_THRESHOLD', number(errorThreshold)],
    volumeThreshold: ['CACHE_CIRCUIT_VOLUME_THRESHOLD', number(volumeThreshold)],
    window: ['CACHE_CIRCUIT_WINDOW', duration(atLeast100Ms)],
  },
  retry: {
    retries: ['CACHE_RETRIES', number(retries)],
    minBackoff: ['CACHE_RETRY_MIN_BACKOFF', duration(finiteMs)],
    maxBackoff: ['CACHE_RETRY_MAX_BACKOFF', duration(finiteMs)],
  },
  journal: {
    maxNames: ['CACHE_JOURNAL_MAX_NAMES', number(maxNames)],
    window: ['CACHE_JOURNAL_WINDOW', duration(atLeast100Ms)],
  },
  redis: {
    url: ['REDIS_URL', redisFields.url],
    host: ['REDIS_HOST', redisFields.host],
    port: ['REDIS_PORT', number(redisFields.port)],
    db: ['REDIS_DB', number(redisFields.db)],
  },
  cluster: {
    nodes: ['REDIS_CLUSTER_NODES', addresses(6379)],
    natMap: ['REDIS_NAT_MAP', natMap],
  },
  sentinel: {
    name: ['REDIS_SENTINEL_NAME', redisFields.text],
    sentinels: ['REDIS_SENTINELS', addresses(26_379)],
    sentinelUsername: ['REDIS_SENTINEL_USERNAME', redisFields.text],
    sentinelPassword: ['REDIS_SENTINEL_PASSWORD', redisFields.text],
    sentinelTls: ['REDIS_SENTINEL_TLS', flag],
    db: ['REDIS_DB', number(redisFields.db)],
    natMap: ['REDIS_NAT_MAP', natMap],
  },
  /** Of connections to every kind of Redis. */
  reconnect: {
    minBackoff: ['REDIS_RECONNECT_MIN_BACKOFF', duration(finiteMs)],
    maxBackoff: ['REDIS_RECONNECT_MAX_BACKOFF', duration(finiteMs)],
  },
  /** To every kind of Redis. */
  access: {
    username: ['REDIS_USERNAME', redisFields.text],
    password: ['REDIS_PASSWORD', redisFields.text],
    tls: ['REDIS_TLS', flag],
    connectTimeout: ['REDIS_CONNECT_TIMEOUT', duration(redisFields.timeoutMs)],
    keepAlive: ['REDIS_KEEP_ALIVE', duration(redisFields.timeoutMs)],
    driver: ['REDIS_DRIVER', redisFields.driver],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Variable>>>>;

/** A bare number is refused: whoever writes `CACHE_TTL=300` means seconds as often as not. */
function duration(convert: (value: Duration, name: string) => number) {
  return (name: string): z.ZodType<number> =>
    convertedBy((text: string) => {
      if (text === 'Infinity') return convert(Number.POSITIVE_INFINITY, name);
      if (/^\d+(\.\d+)?$/.test(text)) {
        throw new ConfigError(
          `${name} needs a unit, got '${text}': write '${text}s' for seconds, '${text}ms' for milliseconds.`,
        );
      }
      return convert(text as Duration, name);
    });
}

/** 'redis-1:6379, redis-2:6379' */
function addresses(defaultPort: number) {
  return (name: string): z.ZodType<readonly AddressOption[]> =>
    z.preprocess((text) => listIn(String(text)), topologyFields.seeds(name, defaultPort));
}

/** '10.0.0.1:6379=localhost:7001, 10.0.0.2:6379=localhost:7002' */
function natMap(name: string): z.ZodType<NatMap> {
  return convertedBy((text: string) => {
    const pairs = listIn(text).map((pair) => pair.split('='));
    if (pairs.some(({ length }) => length !== 2)) {
      throw new ConfigError(`${name} must be pairs such as '10.0.0.1:6379=localhost:7001', with commas between them.`);
    }
    return Object.fromEntries(pairs.map(([from, to]) => [from, readAddress(String(to), 6379, name)]));
  });
}

function listIn(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** What is no number goes on as it is, so that the field tells what it expected instead. */
function number(field: (name: string) => z.ZodType<number>) {
  return (name: string): z.ZodType<number> =>
    z.preprocess((text) => (/^\d+$/.test(String(text)) ? Number(text) : text), field(name));
}

function flag(name: string): z.ZodType<boolean> {
  return z
    .enum(['true', 'false', '1', '0'], must(name, "'true' or 'false'"))
    .transform((text) => text === 'true' || text === '1');
}
