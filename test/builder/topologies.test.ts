import { createCluster, createSentinel } from '@redis/client';
import { Cluster, Redis } from 'ioredis';
import { type CacheBuilder, type ClusterOptions, cacheBuilder, type SentinelOptions } from 'tierkeep';
import { beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.js';
import { ownName, sharedCluster, sharedSentinel, sharedStandalone } from '../support/shared-topologies.js';
import { refusal } from './refusal.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const host = '127.0.0.1';

let nodes: { readonly host: string; readonly port: number }[];
let sentinels: { readonly host: string; readonly port: number }[];
let masterName: string;
let single: { readonly host: string; readonly port: number };

beforeAll(async () => {
  const [cluster, sentinel, standalone] = await Promise.all([sharedCluster(), sharedSentinel(), sharedStandalone()]);
  nodes = cluster.ports.map((port) => ({ host, port }));
  sentinels = [...sentinel.sentinels];
  masterName = sentinel.masterName;
  single = { host, port: standalone.port };
});

/** Two caches of one name see each other's entries in L2, one by one and many at a time. */
async function expectShared(l2: (builder: CacheBuilder) => CacheBuilder) {
  const name = ownName('topologies');
  await using cache = l2(cacheBuilder(name).budget('10s').memory()).build();
  await using other = l2(cacheBuilder(name).budget('10s')).build();
  expect(await cache.ready()).toMatchObject({ status: 'ok', tiers: [{ name: 'memory' }, { name: 'redis', state: 'ready' }] });
  const entries = Array.from({ length: 20 }, (_, id) => [`user:${id}`, { id }] as const);
  await cache.setMany(entries);
  expect(await other.getMany(entries.map(([key]) => key))).toEqual(new Map(entries));
  expect(await other.increment('visits', 2)).toBe(2);
  expect(await other.deletePattern('user:*')).toBe(20);
}

describe('a Cluster is L2', () => {
  const ways: readonly [string, () => ClusterOptions, (options: ClusterOptions) => unknown][] = [
    ['by one node, with ioredis', () => ({ nodes: nodes.slice(0, 1), driver: 'ioredis' }), () => {}],
    ['by all nodes, with @redis/client', () => ({ nodes, driver: 'node-redis', connectTimeout: '2s' }), () => {}],
    [
      "by the user's ioredis",
      () => ({ client: new Cluster(nodes, { lazyConnect: true }) }),
      ({ client }) => (client as Cluster).disconnect(),
    ],
    [
      "by the user's @redis/client",
      () => ({ client: createCluster({ rootNodes: nodes.map(({ port }) => ({ url: `redis://${host}:${port}` })) }) }),
      () => {},
    ],
  ];
  it.each(ways)('%s', async (_, make, end) => {
    const options = make();
    await expectShared((builder) => builder.cluster(options));
    end(options);
  });

  it('by the environment', async () => {
    const env = { CACHE_BACKEND: 'cluster', REDIS_CLUSTER_NODES: nodes.map(({ port }) => `${host}:${port}`).join() };
    await expectShared((builder) => builder.env(env));
  });
});

describe('a master that Sentinels name is L2', () => {
  const ways: readonly [string, () => SentinelOptions][] = [
    ['by one Sentinel, with ioredis', () => ({ name: masterName, sentinels: sentinels.slice(0, 1), driver: 'ioredis' })],
    ['by all Sentinels, with @redis/client', () => ({ name: masterName, sentinels, driver: 'node-redis' })],
    ["by the user's ioredis", () => ({ client: new Redis({ name: masterName, sentinels, lazyConnect: true }) })],
    ["by the user's @redis/client", () => ({ client: createSentinel({ name: masterName, sentinelRootNodes: sentinels }) })],
  ];
  it.each(ways)('%s', async (_, make) => {
    const options = make();
    await expectShared((builder) => builder.sentinel(options));
  });

  it('by the environment', async () => {
    const list = sentinels.map(({ port }) => `${host}:${port}`).join();
    await expectShared((builder) => builder.env({ REDIS_SENTINELS: list, REDIS_SENTINEL_NAME: masterName }));
  });
});

describe('an address of another kind is told with the mend, and the cache serves from memory', () => {
  /** Why L2 is away, as `health()` shows it. */
  async function reasonOf(builder: CacheBuilder) {
    await using cache = builder.logger(quiet).build();
    const reasons: string[] = [];
    cache.on('l2:error', ({ error }) => reasons.push(String(error)));
    expect(await cache.ready()).toMatchObject({ status: 'degraded' });
    expect(await cache.getOrSet('k', () => 'from the source')).toBe('from the source');
    expect(await cache.get('k')).toBe('from the source');
    return reasons.join('\n');
  }

  it('a node of a Cluster given to .redis()', async () => {
    expect(await reasonOf(cacheBuilder().redis({ ...nodes[0] }))).toMatch(
      /node of a Redis Cluster.*use \.cluster\({ nodes }\)/,
    );
  });

  it('a Sentinel given to .redis()', async () => {
    expect(await reasonOf(cacheBuilder().redis({ ...sentinels[0] }))).toMatch(/it is a Sentinel.*use \.sentinel\(/);
  });

  it('a single server given to .cluster()', async () => {
    expect(await reasonOf(cacheBuilder().cluster({ nodes: [single] }))).toMatch(/\.redis\(/);
  });

  it('a single server given to .sentinel()', async () => {
    const builder = cacheBuilder().sentinel({ name: masterName, sentinels: [single] });
    expect(await reasonOf(builder)).toMatch(/ordinary Redis server and no Sentinel/);
  });

  it('a wrong master name', async () => {
    const builder = cacheBuilder().sentinel({ name: 'wrong', sentinels });
    expect(await reasonOf(builder)).toContain(`watches no master 'wrong', only '${masterName}'`);
  });

  it('no node that lives', async () => {
    expect(await reasonOf(cacheBuilder().cluster({ nodes: [{ host, port: await freePort() }] }))).toContain('ECONNREFUSED');
  });

  it('one node that lives is enough', async () => {
    const some = [{ host, port: await freePort() }, ...nodes.slice(0, 1)];
    await expectShared((builder) => builder.cluster({ nodes: some }));
  });
});

describe('options that cannot be right', () => {
  type Loose = Record<keyof CacheBuilder, (...given: unknown[]) => CacheBuilder>;
  const loose = () => cacheBuilder() as unknown as Loose;

  it.for<[string, () => unknown, string | RegExp]>([
    [
      'no nodes',
      () => loose().cluster({}),
      'cluster(): nodes must name one server at least, which tells of the others; or give client.',
    ],
    ['an empty list of nodes', () => loose().cluster({ nodes: [] }), /nodes must name one server at least/],
    [
      'nodes in one text',
      () => loose().cluster({ nodes: 'redis://:hunter2@h' }),
      "cluster(): nodes must be a list of addresses, such as ['redis-1:6379', 'redis-2:6379'].",
    ],
    [
      'a node that is no address',
      () => loose().cluster({ nodes: ['h', 'user:hunter2@h', { port: 1 }] }),
      "cluster(): nodes[1] must be 'host:port', { host, port } or a redis:// URL. nodes[2] must be 'host:port', { host, port } or a redis:// URL.",
    ],
    [
      'one address',
      () => loose().cluster({ url: 'redis://:hunter2@h', nodes: ['h'] }),
      "cluster(): the option 'url' is unknown. A single address is for .redis(); here it is a list.",
    ],
    [
      'a database',
      () => loose().cluster({ nodes: ['h'], db: 1 }),
      "cluster(): the option 'db' is unknown. A Cluster has database 0 only.",
    ],
    [
      'what @redis/client calls it',
      () => loose().cluster({ nodes: ['h'], rootNodes: [] }),
      "cluster(): the option 'rootNodes' is unknown. Did you mean 'nodes'?",
    ],
    [
      'a natMap that is none',
      () => loose().cluster({ nodes: ['h'], natMap: { 'a:1': 'b:2' } }),
      "cluster(): natMap must be a function or an object such as { '10.0.0.1:6379': { host: 'localhost', port: 7001 } }, got an object.",
    ],
    [
      'a client and nodes',
      () => loose().cluster({ nodes: ['h'], client: { on() {}, removeListener() {} } }),
      'cluster(): client knows its own servers: leave out nodes, or leave out client.',
    ],
    [
      'TLS on and off',
      () => loose().cluster({ nodes: ['h', 'rediss://h'], tls: false }),
      'cluster(): tls is false but nodes[1] begins with rediss://: write redis:// there, or leave tls out.',
    ],
    [
      'nothing about Sentinels',
      () => loose().sentinel({}),
      `sentinel(): 2 things are wrong.
- name must say what the Sentinels call the master: 'mymaster' if nobody chose another name.
- sentinels must name one server at least, which tells of the others; or give client.`,
    ],
    [
      'much about Sentinels',
      () => loose().sentinel({ name: '', sentinels: ['http://h'], db: -1, sentinelPasword: 'hunter2', connectTimeout: 0 / 0 }),
      /^sentinel\(\): 5 things are wrong\.\n- name must be .*\n- sentinels\[0\] begins with http.*\n- db must.*\n- connectTimeout.*\n- the option 'sentinelPasword' is unknown\. Did you mean 'sentinelPassword'\?$/,
    ],
    [
      'nodes for Sentinel',
      () => loose().sentinel({ name: 'm', sentinels: ['h'], nodes: ['h'] }),
      "sentinel(): the option 'nodes' is unknown. A Redis Cluster has a step of its own: .cluster({ nodes }).",
    ],
    [
      'Sentinels for .redis()',
      () => loose().redis({ sentinels: ['h'] }),
      "redis(): the option 'sentinels' is unknown. Redis Sentinel has a step of its own: .sentinel({ name, sentinels }).",
    ],
    [
      'no object',
      () => loose().sentinel('h:26379'),
      "sentinel() takes an object of options, got a string. Write .sentinel({ name: 'mymaster', sentinels: ['host:26379'] }), or .sentinel({ client }) with a client of your own.",
    ],
    ['no object at all', () => loose().cluster(), /^cluster\(\) takes an object of options, got undefined\. Write/],
    [
      'a client of one server, at build()',
      () =>
        loose()
          .sentinel({ client: new Redis({ lazyConnect: true }) })
          .build(),
      /not made for Sentinels.*\.redis\({ client }\)/,
    ],
    [
      'a client for Sentinels where one server is expected, at build()',
      () =>
        loose()
          .redis({ client: createSentinel({ name: 'm', sentinelRootNodes: [{ host: 'h', port: 1 }] }) })
          .build(),
      'the client is a Sentinel client, and .redis() takes a client of one server: use .sentinel({ client }).',
    ],
  ])('%s', ([, build, message]) => {
    const told = refusal(build);
    if (typeof message === 'string') expect(told).toBe(message);
    else expect(told).toMatch(message);
    expect(told).not.toMatch(/hunter2/);
  });
});
