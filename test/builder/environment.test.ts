import { cacheBuilder } from 'tierkeep';
import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/config/environment.js';
import { variables } from '../../src/config/variables.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { refusal } from './refusal.js';

const backend = (env: Record<string, string>) => readEnvironment(env).l2?.kind ?? 'memory';

describe('the environment picks the backend', () => {
  it.for([
    [{}, 'memory'],
    [{ CACHE_BACKEND: 'memory' }, 'memory'],
    [{ REDIS_URL: 'redis://h' }, 'redis'],
    [{ REDIS_HOST: 'h' }, 'redis'],
    [{ CACHE_BACKEND: 'redis', REDIS_HOST: 'h' }, 'redis'],
    [{ CACHE_BACKEND: 'memory', REDIS_URL: 'redis://h' }, 'memory'],
    [{ REDIS_CLUSTER_NODES: 'h1,h2' }, 'cluster'],
    [{ REDIS_SENTINELS: 'h1,h2', REDIS_SENTINEL_NAME: 'm' }, 'sentinel'],
    [{ CACHE_BACKEND: 'cluster', REDIS_CLUSTER_NODES: 'h', REDIS_URL: 'redis://h' }, 'cluster'],
    [{ CACHE_BACKEND: 'redis', REDIS_CLUSTER_NODES: 'h', REDIS_URL: 'redis://h' }, 'redis'],
    [{ REDIS_PORT: '6380' }, 'memory'],
    [{ CACHE_BACKEND: '', REDIS_URL: '', REDIS_HOST: '' }, 'memory'],
  ] as const)('%o: %s', ([env, expected]) => {
    expect(backend(env)).toBe(expected);
  });

  it('and the same program runs on either', async () => {
    const program = cacheBuilder('swap').memory();
    await using local = program.env({ CACHE_BACKEND: 'memory', REDIS_URL: 'redis://127.0.0.1:1' }).build();
    await using shared = program.env({ REDIS_URL: 'redis://127.0.0.1:1' }).build();
    expect(local.health().tiers.map(({ name }) => name)).toEqual(['memory']);
    expect(shared.health().tiers.map(({ name }) => name)).toEqual(['memory', 'redis']);
  });
});

const common = {
  env: {
    CACHE_NAME: 'shop',
    CACHE_TTL: '10m',
    CACHE_GRACE: '0s',
    CACHE_BUDGET: '250ms',
    CACHE_HARD_TIMEOUT: '5s',
    CACHE_SOFT_TIMEOUT: '100ms',
    CACHE_JITTER: '30s',
    CACHE_SWR: '1m',
    CACHE_NEGATIVE_TTL: '20s',
    CACHE_ERROR_BACKOFF: '0s',
    CACHE_MEMORY_TTL: '15s',
    CACHE_OUTAGE_TTL: 'Infinity',
    CACHE_LEASE_TTL: '2s',
    CACHE_MAX_STALENESS: '1s',
    CACHE_BUS_MODE: 'tracking',
    CACHE_OUTAGE: 'source',
    CACHE_RETRIES: '5',
    CACHE_RETRY_MIN_BACKOFF: '20ms',
    CACHE_RETRY_MAX_BACKOFF: '1s',
    CACHE_JOURNAL_MAX_NAMES: '5000',
    CACHE_JOURNAL_WINDOW: '90s',
    CACHE_MAX_ENTRIES: '500',
    CACHE_MAX_BYTES: '64000000',
    CACHE_CIRCUIT_RESET_TIMEOUT: '3s',
    CACHE_CIRCUIT_ERROR_THRESHOLD: '25',
    CACHE_CIRCUIT_VOLUME_THRESHOLD: '7',
    CACHE_CIRCUIT_WINDOW: '4s',
    REDIS_USERNAME: 'app',
    REDIS_PASSWORD: 'hunter2',
    REDIS_TLS: '1',
    REDIS_CONNECT_TIMEOUT: '1.5s',
    REDIS_KEEP_ALIVE: '30s',
    REDIS_RECONNECT_MIN_BACKOFF: '100ms',
    REDIS_RECONNECT_MAX_BACKOFF: '3s',
    REDIS_DRIVER: 'node-redis',
  },
  found: {
    settings: {
      ttl: 600_000,
      grace: 0,
      budget: 250,
      hardTimeout: 5_000,
      softTimeout: 100,
      jitter: 30_000,
      swr: 60_000,
      negativeTtl: 20_000,
      errorBackoff: 0,
      outageTtl: Number.POSITIVE_INFINITY,
      leaseTtl: 2_000,
      maxStaleness: 1_000,
    },
    memory: { maxEntries: 500, maxBytes: 64_000_000, ttl: 15_000 },
    retry: { retries: 5, minBackoff: 20, maxBackoff: 1_000 },
    journal: { maxNames: 5_000, window: 90_000 },
    circuitBreaker: { resetTimeout: 3_000, errorThreshold: 25, volumeThreshold: 7, window: 4_000 },
  },
  access: {
    username: 'app',
    password: 'hunter2',
    tls: true,
    connectTimeout: 1_500,
    keepAlive: 30_000,
    reconnect: { minBackoff: 100, maxBackoff: 3_000 },
    driver: 'node-redis',
  },
};

const natMap = { '10.0.0.1:6379': { host: 'localhost', port: 7_001 }, '10.0.0.2:6379': { host: '::1', port: 7_002 } };

const kinds = {
  redis: {
    env: { REDIS_URL: 'rediss://h', REDIS_HOST: 'other', REDIS_PORT: '6380', REDIS_DB: '0' },
    options: { url: 'rediss://h', host: 'other', port: 6_380, db: 0 },
  },
  cluster: {
    env: {
      REDIS_CLUSTER_NODES: 'redis-1, redis-2:7000,, rediss://:hunter2@redis-3',
      REDIS_NAT_MAP: '10.0.0.1:6379=localhost:7001, 10.0.0.2:6379=[::1]:7002',
    },
    options: { nodes: ['redis-1', 'redis-2:7000', 'rediss://:hunter2@redis-3'], natMap },
  },
  sentinel: {
    env: {
      REDIS_SENTINELS: 'one:26379,two',
      REDIS_SENTINEL_NAME: 'primary',
      REDIS_SENTINEL_USERNAME: 'watcher',
      REDIS_SENTINEL_PASSWORD: 'hunter3',
      REDIS_SENTINEL_TLS: 'false',
      REDIS_DB: '3',
      REDIS_NAT_MAP: '10.0.0.1:6379=localhost:7001,10.0.0.2:6379=[::1]:7002',
    },
    options: {
      sentinels: ['one:26379', 'two'],
      name: 'primary',
      sentinelUsername: 'watcher',
      sentinelPassword: 'hunter3',
      sentinelTls: false,
      db: 3,
      natMap,
    },
  },
} as const;

describe('every setting is given', () => {
  it.each(Object.entries(kinds))('for %s', (kind, { env, options }) => {
    expect(readEnvironment({ CACHE_BACKEND: kind, ...common.env, ...env })).toEqual({
      general: { backend: kind, name: 'shop', busMode: 'tracking', outage: 'source' },
      ...common.found,
      l2: { kind, options: { ...common.access, ...options } },
    });
  });

  it('and no variable was forgotten here', () => {
    const named = new Set(['CACHE_BACKEND', ...[common, ...Object.values(kinds)].flatMap(({ env }) => Object.keys(env))]);
    const all = new Set(Object.values(variables).flatMap((group) => Object.values(group).map(([name]) => name)));
    expect([...named].sort()).toEqual([...all].sort());
  });
});

it('lists every bad variable by its name, and no secret', () => {
  const message = refusal(() =>
    cacheBuilder().env(
      {
        SHOP_CACHE_BACKEND: 'redis',
        SHOP_CACHE_NAME: 'a:b',
        SHOP_CACHE_TTL: '300',
        SHOP_CACHE_GRACE: '1 day',
        SHOP_CACHE_MAX_ENTRIES: '1e4',
        SHOP_CACHE_CIRCUIT_ERROR_THRESHOLD: '50%',
        SHOP_REDIS_URL: 'http://:hunter2@h',
        SHOP_REDIS_HOST: 'redis://:hunter2@h',
        SHOP_REDIS_PORT: 'tcp://10.0.0.1:6379',
        SHOP_REDIS_DB: '-1',
        SHOP_REDIS_TLS: 'yes',
        CACHE_BUDGET: 'of nobody asked',
      },
      { prefix: 'SHOP_' },
    ),
  );
  expect(message).toBe(`The environment: 10 things are wrong.
- SHOP_CACHE_NAME must be 1 to 64 characters of A-Z, a-z, 0-9, '_', '.' and '-', got "a:b". Try 'shop' or 'users-v2'.
- SHOP_CACHE_TTL needs a unit, got '300': write '300s' for seconds, '300ms' for milliseconds.
- SHOP_CACHE_GRACE must be a number of milliseconds or text such as '250ms', '5s', '5m', '1h', '1d'; got '1 day'.
- SHOP_CACHE_MAX_ENTRIES must be a whole number from 1 to 16777215, got '1e4'.
- SHOP_CACHE_CIRCUIT_ERROR_THRESHOLD must be a whole number from 1 to 100, got '50%'.
- SHOP_REDIS_URL begins with http://; expected redis://user:password@host:6379/0 (rediss:// for TLS).
- SHOP_REDIS_HOST must be a host name or address alone, such as 'redis.internal'; port and url are settings of their own.
- SHOP_REDIS_PORT must be a whole number from 1 to 65535, got 'tcp://10.0.0.1:6379'.
- SHOP_REDIS_DB must be a whole number from 0 to 1000000, got '-1'.
- SHOP_REDIS_TLS must be 'true' or 'false', got 'yes'.`);
});

it.for<[string, Record<string, string>, string | RegExp]>([
  [
    'a Cluster without nodes',
    { CACHE_BACKEND: 'cluster', REDIS_URL: 'redis://h' },
    "The environment: CACHE_BACKEND is 'cluster', so REDIS_CLUSTER_NODES must say where it is.",
  ],
  [
    'Sentinel without a place or name',
    { CACHE_BACKEND: 'sentinel' },
    `The environment: 2 things are wrong.
- CACHE_BACKEND is 'sentinel', so REDIS_SENTINELS must say where it is.
- REDIS_SENTINEL_NAME must say what the Sentinels call the master: 'mymaster' if nobody chose another name.`,
  ],
  [
    'two places',
    { REDIS_HOST: 'h', REDIS_CLUSTER_NODES: 'h' },
    'The environment: REDIS_URL or REDIS_HOST and REDIS_CLUSTER_NODES say different things: let CACHE_BACKEND say which counts.',
  ],
  [
    'nodes that are none',
    { REDIS_CLUSTER_NODES: 'h:0,http://:hunter2@h,i', REDIS_NAT_MAP: 'h:1', REDIS_DB: '2' },
    `The environment: 3 things are wrong.
- REDIS_CLUSTER_NODES[0] must be 'host:port', { host, port } or a redis:// URL. REDIS_CLUSTER_NODES[1] begins with http://; expected redis://user:password@host:6379/0 (rediss:// for TLS).
- REDIS_NAT_MAP must be pairs such as '10.0.0.1:6379=localhost:7001', with commas between them.
- REDIS_DB is '2', but a Cluster has database 0 only.`,
  ],
  [
    'TLS both on and off for Sentinels',
    { REDIS_SENTINELS: 'h,rediss://h', REDIS_SENTINEL_NAME: 'm', REDIS_SENTINEL_TLS: '0' },
    'The environment: REDIS_SENTINEL_TLS is false but REDIS_SENTINELS[1] begins with rediss://: write redis:// there, or leave REDIS_SENTINEL_TLS out.',
  ],
  [
    'a backend that is misspelt, with everything else',
    { CACHE_BACKEND: 'Redis', REDIS_HOST: 'h', REDIS_DB: 'x' },
    `The environment: 2 things are wrong.
- CACHE_BACKEND must be 'memory', 'redis', 'cluster' or 'sentinel', got 'Redis'.
- REDIS_DB must be a whole number from 0 to 1000000, got 'x'.`,
  ],
  [
    'Redis without a place',
    { CACHE_BACKEND: 'redis' },
    "The environment: CACHE_BACKEND is 'redis', so REDIS_URL or REDIS_HOST must say where it is.",
  ],
  [
    'TLS both on and off',
    { REDIS_URL: 'rediss://h', REDIS_TLS: 'false' },
    'The environment: REDIS_TLS is false but REDIS_URL begins with rediss://: write redis:// there, or leave REDIS_TLS out.',
  ],
  ['a ttl of nothing', { CACHE_TTL: '0s' }, /^The environment: CACHE_TTL must be positive, got '0s'\./],
  ['an outage ttl below zero', { CACHE_OUTAGE_TTL: '-5s' }, /^The environment: CACHE_OUTAGE_TTL must be a number/],
])('%s is refused', ([, env, message]) => {
  const told = refusal(() => cacheBuilder().env(env));
  if (typeof message === 'string') expect(told).toBe(message);
  else expect(told).toMatch(message);
});

it('leaves the variables of Redis alone when it is not the backend: others set them too', () => {
  cacheBuilder().env({ REDIS_PORT: 'tcp://10.0.0.1:6379', REDIS_DB: 'x' });
  cacheBuilder().env({ CACHE_BACKEND: 'memory', REDIS_URL: 'http://h' });
});

it('reads only what has the prefix', async () => {
  const clock = fakeClock();
  const env = { CACHE_TTL: '1h', SHOP_CACHE_TTL: '2s' };
  await using cache = cacheBuilder().clock(clock).env(env, { prefix: 'SHOP_' }).build();
  await cache.set('k', 1);
  expect(await cache.ttl('k')).toBe(2_000);
});

it('bounds memory by the environment, as L1 and as stand-in', async () => {
  const entries = [1, 2, 3].map((id) => [`k${id}`, id] as const);
  await using l1 = cacheBuilder().memory({ maxEntries: 100 }).env({ CACHE_MAX_ENTRIES: '2' }).build();
  await l1.setMany(entries);
  expect(l1.stats()).toMatchObject({ entries: 2, evictions: 1 });
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };
  await using standIn = cacheBuilder().env({ CACHE_MAX_ENTRIES: '2', REDIS_URL: 'redis://127.0.0.1:1' }).logger(quiet).build();
  await standIn.setMany(entries);
  expect(standIn.stats()).toMatchObject({ entries: 2, evictions: 1 });
});

it.for([
  [undefined, {}, /^env\(\) takes variables by name/],
  ['process.env', {}, /^env\(\) takes variables by name/],
  [{}, { prefix: 'SHOP-' }, /^env\(\): prefix must be text of A-Z, a-z, 0-9 and '_', got 'SHOP-'\.$/],
  [{}, { prefix: 5 }, /^env\(\): prefix must be text of A-Z, a-z, 0-9 and '_', got 5\.$/],
  [{}, { prefx: 'SHOP_' }, /^env\(\): the option 'prefx' is unknown. Did you mean 'prefix'\?$/],
] as const)('env(%o, %o) is refused', ([env, options, message]) => {
  expect(refusal(() => cacheBuilder().env(env as never, options as never))).toMatch(message);
});
