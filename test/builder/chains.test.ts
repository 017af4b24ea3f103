import { type Cache, type CacheBuilder, cacheBuilder, type TieredCache } from 'tierkeep';
import { describe, expect, it } from 'vitest';
import { refusals } from '../../src/builder/refusals.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { refusal } from './refusal.js';

/** As plain JavaScript sees it. */
const start = (): CacheBuilder => cacheBuilder('chains');
const url = 'redis://127.0.0.1:1';
const tier: Cache = cacheBuilder('behind').build();
const tiersOf = (cache: TieredCache) => cache.health().tiers.map(({ name, tier: place }) => `${place} ${name}`);

it.for([
  ['a second L1', () => start().memory().memory(), refusals.memory],
  ['a second Redis', () => start().redis({ url }).redis({ url }), refusals.redis],
  ['Redis after a tier', () => start().tier(tier).redis({ url }), refusals.redis],
  [
    'a Cluster after Redis',
    () =>
      start()
        .redis({ url })
        .cluster({ nodes: ['h'] }),
    refusals.cluster,
  ],
  [
    'Sentinel after a Cluster',
    () =>
      start()
        .cluster({ nodes: ['h'] })
        .sentinel({ name: 'm', sentinels: ['h'] }),
    refusals.sentinel,
  ],
  ['a tier after Redis', () => start().redis({ url }).tier(tier), refusals.tier],
  ['the environment after Redis', () => start().redis({ url }).env({}), refusals.env],
  ['Redis after an environment with Redis', () => start().env({ REDIS_URL: url }).redis({ url }), refusals.redis],
  [
    'Redis after a branch with Redis',
    () =>
      start()
        .when(1, (b) => b.redis({ url }))
        .redis({ url }),
    refusals.redis,
  ],
  ['a breaker without L2', () => start().memory().circuitBreaker(), refusals.circuitBreaker],
  [
    'a breaker after a branch without L2',
    () =>
      start()
        .when(1, (b) => b.ttl('1h'))
        .circuitBreaker(),
    refusals.circuitBreaker,
  ],
  ['a lease without L2', () => start().lease({ ttl: '1s' }), refusals.lease],
  ['a bus without L2', () => start().memory().bus({ maxStaleness: '1s' }), refusals.bus],
  ['retries without L2', () => start().memory().retry({ retries: 1 }), refusals.retry],
  ['a life in outages without L2', () => start().outageTtl('1s'), refusals.outageTtl],
] as const)('%s is refused at run time in the words of the compiler', ([, build, sentence]) => {
  expect(refusal(build)).toBe(sentence);
});

it.for([
  ['no name', '', /^a cache's name must be 1 to 64 characters/],
  ['a name with a colon', 'a:b', /got "a:b"/],
  ['a number for a name', 5, /got number 5/],
] as const)('%s is refused', ([, name, message]) => {
  expect(refusal(() => cacheBuilder(name as string))).toMatch(message);
});

describe('a builder', () => {
  it('is never changed by its steps, so that a base can be branched', async () => {
    const clock = fakeClock();
    const base = cacheBuilder('base').memory({ maxEntries: 2 }).clock(clock).ttl('1s');
    await using short = base.build();
    await using long = base.ttl('1h').build();
    await using behind = base.tier(tier).circuitBreaker({ volumeThreshold: 9 }).build();
    await Promise.all([short, long].map((cache) => cache.set('k', 'v')));
    clock.advance(1_000);
    expect([await short.get('k'), await long.get('k')]).toEqual([undefined, 'v']);
    expect([tiersOf(short), tiersOf(behind)]).toEqual([['l1 memory'], ['l1 memory', 'l2 tier']]);
  });

  it('builds a cache of its own each time', async () => {
    const builder = cacheBuilder().memory();
    await using one = builder.build();
    await using other = builder.build();
    await one.set('k', 1);
    expect(await other.get('k')).toBeUndefined();
  });

  it('makes memory alone when no tier is named, with the defaults', async () => {
    const clock = fakeClock();
    await using cache = cacheBuilder().clock(clock).build();
    expect(cache.health()).toEqual({ status: 'ok', tiers: [{ name: 'memory', tier: 'l1', state: 'ready' }] });
    await cache.set('k', 1);
    expect(await cache.ttl('k')).toBe(300_000);
    clock.advance(300_000);
    expect(await cache.getEntry('k')).toBeUndefined();
  });

  it('keeps a stale value for its grace, and waits for a factory as long as it is told', async () => {
    const clock = fakeClock();
    await using cache = cacheBuilder().ttl('1s').grace('1m').hardTimeout('5s').clock(clock).build();
    await cache.set('k', 'old');
    clock.advance(2_000);
    expect(await cache.getOrSet('k', () => Promise.reject(new Error('no source')))).toBe('old');
    const never = cache.getOrSet('other', () => new Promise(() => {}));
    clock.advance(5_000);
    await expect(never).rejects.toMatchObject({ code: 'ERR_TIERKEEP_FACTORY_TIMEOUT' });
  });

  it('lets a later step replace what an earlier one said', async () => {
    const clock = fakeClock();
    await using cache = cacheBuilder().clock(clock).ttl('1s').env({ CACHE_TTL: '2s', CACHE_NAME: 'env' }).build();
    await using again = cacheBuilder().clock(clock).env({ CACHE_TTL: '2s' }).ttl('3s').build();
    await Promise.all([cache.set('k', 1), again.set('k', 1)]);
    expect([await cache.ttl('k'), await again.ttl('k')]).toEqual([2_000, 3_000]);
  });
});

describe('when()', () => {
  it('passes a truthy value on', () => {
    const seen: unknown[] = [];
    const builder = cacheBuilder().when('text', (b, value) => {
      seen.push(value);
      return b.memory();
    });
    expect(seen).toEqual(['text']);
    expect(refusal(() => (builder as CacheBuilder).memory())).toBe(refusals.memory);
  });

  it.for([undefined, null, false, '', 0, 0n])('takes the other way for %o, or none', (value) => {
    const never = () => {
      throw new Error('the branch was taken');
    };
    const other = cacheBuilder().when(value, never, (b) => b.memory());
    expect(refusal(() => (other as CacheBuilder).memory())).toBe(refusals.memory);
    cacheBuilder().when(value, never).build();
  });

  it('lets a breaker be set for an L2 that a condition left out, where it does nothing', async () => {
    const environment: { REDIS_URL?: string } = {};
    const byCondition = cacheBuilder()
      .memory()
      .when(environment.REDIS_URL, (b, value) => b.redis({ url: value }));
    const byEnvironment = cacheBuilder().memory().env(environment);
    for (const builder of [byCondition, byEnvironment]) {
      await using cache = builder.circuitBreaker({ resetTimeout: '1s' }).lease({ ttl: '1s' }).outageTtl('1s').build();
      expect(cache.health().circuit).toBeUndefined();
    }
  });

  it('says so when a branch forgets to return the builder', () => {
    const forgetful = () => start().when(true, ((b: CacheBuilder) => void b.memory()) as never);
    const otherwise = () => start().when(false, (b) => b, (() => undefined) as never);
    for (const build of [forgetful, otherwise]) {
      expect(refusal(build)).toBe('when() goes on with what its branch returns: return the builder there.');
    }
  });

  it('says so when it is given no branch, whatever the value', () => {
    for (const build of [() => start().when(false, undefined as never), () => start().when(false, (b) => b, {} as never)]) {
      expect(refusal(build)).toMatch(/^when\(\) takes a value and one or two functions/);
    }
  });
});
