import { expect, it } from 'vitest';
import { buildPackage } from '../support/built-package.js';
import { compile } from '../support/compile.js';

const before = `import { cacheBuilder, type Cache, type CacheBuilder } from 'tierkeep';
declare const url: string | undefined;
declare const tier: Cache;
`;
/** Each snippet begins at line 4. */
const snippets = (codes: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, before + code]));

const rightChains = {
  'every step': `cacheBuilder('shop').memory({ maxEntries: 10 }).redis({ url: 'redis://h' }).ttl('5m').grace('1h').budget(200).hardTimeout('10s')
    .outageTtl('5s').lease({ ttl: '2s' }).retry({ retries: 3, maxBackoff: '50ms' }).circuitBreaker({ resetTimeout: '5s' }).logger(console).use(() => {}).build();`,
  'tiers in any order': `cacheBuilder().redis({ url: 'redis://h' }).circuitBreaker().memory().build();`,
  'a Cluster': `cacheBuilder().memory().cluster({ nodes: ['h', { host: 'h' }], natMap: (at) => (at === 'h:1' ? { host: 'i', port: 2 } : undefined) }).circuitBreaker().build();`,
  Sentinel: `cacheBuilder().sentinel({ name: 'm', sentinels: ['h:26379'], sentinelPassword: 'p' }).lease().memory().build();`,
  'a tier of your own': `cacheBuilder().memory().tier(tier).circuitBreaker().build();`,
  'the value of a condition is what is left when it holds': `cacheBuilder().when(url, (builder, value) => {
    const text: string = value;
    return builder.redis({ url: text });
  });`,
  'a breaker where there may be an L2': `cacheBuilder().memory().when(url, (b, value) => b.redis({ url: value })).circuitBreaker().lease().outageTtl('5s').build();
cacheBuilder().memory().env(process.env).circuitBreaker().build();`,
  'a condition that changes no tier': `cacheBuilder().when(url, (b) => b.ttl('1h')).memory().redis();`,
  'both branches name an L2': `export const both: CacheBuilder<'l2'> = cacheBuilder().when(url, (b, value) => b.redis({ url: value }), (b) => b.tier(tier));`,
  'a helper for any state': `const common = (builder: CacheBuilder): CacheBuilder => builder.ttl('1h').memory().redis().circuitBreaker();
export const fromNew = common(cacheBuilder());
export const fromTwoTiers = common(cacheBuilder().memory().redis());
export const fromMaybe = common(cacheBuilder().env(process.env));
export const typedAgain: CacheBuilder<'l1' | 'l2'> = common(cacheBuilder());
export const inBranch = cacheBuilder().when(url, common).redis();`,
  'a helper that keeps the state': `const quick = <State>(builder: CacheBuilder<State>) => builder.ttl('1s');
quick(cacheBuilder().redis()).circuitBreaker();`,
  'a loop': `let builder: CacheBuilder = cacheBuilder();
for (const step of ['memory', 'redis'] as const) builder = step === 'memory' ? builder.memory() : builder.redis();
builder.build();`,
  'clients and loggers of the libraries people use': `import { createClient, createCluster, createSentinel } from '@redis/client';
import { fastify } from 'fastify';
import { Cluster, Redis } from 'ioredis';
cacheBuilder().redis({ client: new Redis() });
cacheBuilder().redis({ client: createClient() });
cacheBuilder().cluster({ client: new Cluster(['h']) });
cacheBuilder().cluster({ client: createCluster({ rootNodes: [] }) });
cacheBuilder().sentinel({ client: new Redis({ name: 'm', sentinels: [{ host: 'h' }] }) });
cacheBuilder().sentinel({ client: createSentinel({ name: 'm', sentinelRootNodes: [] }) });
cacheBuilder().logger(fastify().log);`,
};

const wrongChains = {
  'two L1s': `cacheBuilder()
  .memory()
  .ttl('5m')
  .memory();`,
  'two L2s': `cacheBuilder()
  .redis()
  .tier(tier);`,
  'two L2s, the other way round': `cacheBuilder()
  .tier(tier)
  .redis();`,
  'two L2s, one of them a Cluster': `cacheBuilder()
  .redis()
  .cluster({ nodes: ['h'] });`,
  'two L2s, one of them Sentinel': `cacheBuilder()
  .cluster({ nodes: ['h'] })
  .sentinel({ name: 'm', sentinels: ['h'] });`,
  'an L2 after one that may be there': `cacheBuilder()
  .when(url, (b) => b.redis())
  .redis();`,
  'an L1 after one that may be there': `cacheBuilder()
  .when(url, (b) => b.memory())
  .memory();`,
  'an L2 after the environment': `cacheBuilder()
  .env(process.env)
  .redis();`,
  'the environment after an L2': `cacheBuilder()
  .redis()
  .env(process.env);`,
  'a breaker before its tier': `cacheBuilder()
  .memory()
  .circuitBreaker()
  .redis();`,
  'a lease without L2': `cacheBuilder()
  .memory()
  .lease();`,
  'retries without L2': `cacheBuilder()
  .retry({ retries: 3 });`,
  'a life in outages without L2': `cacheBuilder()
  .outageTtl('5s');`,
  'a branch that returns nothing': `cacheBuilder()
  .when(url, (b) => { b.redis(); });`,
  'a unit in words': `cacheBuilder()
  .ttl('5 minutes');`,
  'a text from the environment as ttl': `declare const text: string;
cacheBuilder()
  .ttl(text);`,
  'an unknown option': `cacheBuilder()
  .redis({ hots: 'h' });`,
};

const wrong = (at: string, sentence: string) => [
  `${at} TS2349: This expression is not callable.\n  Type 'BuilderError<"${sentence}">' has no call signatures.`,
];

const messages = {
  'two L1s': wrong('7:4', 'memory() was called already, and there is one L1 tier: keep one of the two calls.'),
  'two L2s': wrong(
    '6:4',
    'tier() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  ),
  'two L2s, the other way round': wrong(
    '6:4',
    'redis() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  ),
  'two L2s, one of them a Cluster': wrong(
    '6:4',
    'cluster() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  ),
  'two L2s, one of them Sentinel': wrong(
    '6:4',
    'sentinel() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  ),
  'an L2 after one that may be there': wrong(
    '6:4',
    'redis() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  ),
  'an L1 after one that may be there': wrong(
    '6:4',
    'memory() was called already, and there is one L1 tier: keep one of the two calls.',
  ),
  'an L2 after the environment': wrong(
    '6:4',
    'redis() would be a second L2 tier: keep one of .redis(…), .cluster(…), .sentinel(…), .tier(…) and .env(…).',
  ),
  'the environment after an L2': wrong(
    '6:4',
    'env() may add an L2 tier, and there may be one already: keep one of them, or put what you had into .env({ REDIS_URL, ...process.env }).',
  ),
  'a breaker before its tier': wrong(
    '6:4',
    'circuitBreaker() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  ),
  'a lease without L2': wrong(
    '6:4',
    'lease() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  ),
  'retries without L2': wrong(
    '5:4',
    'retry() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  ),
  'a life in outages without L2': wrong(
    '5:4',
    'outageTtl() needs an L2 tier first: call .redis(…), .cluster(…), .sentinel(…) or .tier(…) before it.',
  ),
  'a branch that returns nothing': [
    `5:14 TS2345: Argument of type '(b: CacheBuilder<"new">) => void' is not assignable to parameter of type '(builder: CacheBuilder<"new">, value: string) => CacheBuilder<unknown>'.
  Type 'void' is not assignable to type 'CacheBuilder<unknown>'.`,
  ],
  'a unit in words': [`5:8 TS2345: Argument of type '"5 minutes"' is not assignable to parameter of type 'Duration'.`],
  'a text from the environment as ttl': [
    `6:8 TS2345: Argument of type 'string' is not assignable to parameter of type 'Duration'.`,
  ],
  'an unknown option': [
    `5:12 TS2353: Object literal may only specify known properties, and 'hots' does not exist in type 'RedisOptions'.`,
  ],
};

it('refuses a wrong chain on the step that is wrong, in a sentence', { timeout: 180_000 }, async () => {
  await buildPackage();
  const found = await compile(snippets({ ...rightChains, ...wrongChains }), { tierkeep: 'package' });
  const expected = { ...Object.fromEntries(Object.keys(rightChains).map((name) => [name, []])), ...messages };
  expect(found).toEqual(expected);
});
