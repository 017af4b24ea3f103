import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  await redis.cli('FLUSHALL');
});

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

describe.each(libraries)('versions that Redis lost or could not keep, over $library', ({ client }) => {
  async function cacheOf(
    options: { mode?: 'tracking' | 'pub-sub' | false; maxStaleness?: '1s' | '30s'; memory?: boolean } = {},
  ): Promise<TieredCache> {
    const { mode = 'pub-sub', maxStaleness = '30s', memory = true } = options; // biome-ignore format: one line
    const builder = cacheBuilder('shop').budget('10s').grace('1h').logger(quiet);
    const own = { client: client(redis.url) };
    const tiers = memory ? builder.memory().redis(own) : builder.redis(own);
    const cache = tiers
      .circuitBreaker({ resetTimeout: '200ms' })
      .bus(mode && { mode, maxStaleness })
      .build();
    open.push(cache);
    await cache.ready();
    return cache;
  }
  const pair = (options?: Parameters<typeof cacheOf>[0]) => Promise.all([cacheOf(options), cacheOf(options)]);

  it.each([
    ['of a tag', 'shop:tag:{t}'],
    ['of the cache', 'shop:space:'],
    ['of a namespace', 'shop:space:users:'],
  ])('what is invalidated after the version %s was evicted is gone, and what is set then is there', async (_, name) => {
    const [a, b] = await pair();
    const [ours, theirs] = [a.namespace('users'), b.namespace('users')];
    await ours.set('k', 'old', { tags: ['t'] });
    expect(await theirs.get('k')).toBe('old');
    expect(await redis.cli('DEL', name)).toBe('1');
    await (name.includes('tag') ? b.invalidateTags(['t']) : name.includes('users') ? theirs.clear() : b.clear());
    await eventually(() => ours.peek('k') === undefined);
    expect([await ours.get('k'), await theirs.get('k')]).toEqual([undefined, undefined]);
    await ours.set('k', 'new', { tags: ['t'] });
    await eventually(async () => expect(await theirs.get('k')).toBe('new'));
    // A third, which knew nothing, finds the same.
    const c = await cacheOf();
    expect(await c.namespace('users').get('k')).toBe('new');
    expect([await ours.get('k'), await theirs.get('k')]).toEqual(['new', 'new']);
  });

  it.each(['pub-sub', 'tracking'] as const)('FLUSHALL: all agree again on what is set after it, by %s', async (mode) => {
    const [a, b] = await pair({ mode });
    await a.setMany([['k', 'old', { tags: ['t'] }], ['other', 'old']]); // biome-ignore format: one line
    expect((await b.getMany(['k', 'other'])).size).toBe(2);
    await redis.cli('FLUSHALL');
    const c = await cacheOf({ mode });
    expect(await c.get('k')).toBeUndefined();
    await eventually(async () => {
      await a.set('k', 'new', { tags: ['t'] });
      expect([await b.get('k'), await c.get('k')]).toEqual(['new', 'new']);
    });
    await b.invalidateTags(['t']);
    await eventually(() => a.peek('k') === undefined && c.peek('k') === undefined);
    expect([await a.get('k'), await b.get('k'), await c.get('k')]).toEqual([undefined, undefined, undefined]);
  });

  it('Redis killed and restarted empty: nothing from before comes back, and tags and clear work', async () => {
    const [a, b] = await pair({ maxStaleness: '1s' });
    await a.set('k', 'old', { tags: ['t'] });
    expect(await b.get('k')).toBe('old');
    await redis.kill();
    await eventually(() => [a, b].every((cache) => cache.health().bus?.trusted === false));
    await redis.restart();
    await eventually(() => [a, b].every((cache) => cache.health().bus?.trusted && cache.health().circuit?.state === 'closed'), { within: 20_000 }); // biome-ignore format: one line
    // Until the new server was told of it, what a has set is served there.
    await eventually(() => a.health().journal?.names === 0);
    expect([await a.get('k'), await b.get('k')]).toEqual([undefined, undefined]);
    await eventually(async () => {
      await a.set('k', 'new', { tags: ['t'] });
      expect(await b.get('k')).toBe('new');
    });
    await b.invalidateTags(['t']);
    await eventually(() => a.peek('k') === undefined);
    expect(await a.get('k')).toBeUndefined();
    await b.set('k', 'newer');
    await a.clear();
    await eventually(() => b.peek('k') === undefined);
    expect(await b.get('k')).toBeUndefined();
  });

  it('out of memory: what is invalidated is gone all the same, and comes back with room', async () => {
    const [a, b] = await pair();
    const users = a.namespace('users');
    await a.set('k', 'old', { tags: ['t'] });
    await users.set('u', 'old');
    expect([await b.get('k'), await b.namespace('users').get('u')]).toEqual(['old', 'old']);
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    await a.invalidateTags(['t']);
    await users.clear();
    await eventually(() => b.peek('k') === undefined && b.namespace('users').peek('u') === undefined);
    expect([await a.get('k'), await b.get('k'), await users.get('u')]).toEqual([undefined, undefined, undefined]);
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    expect([await a.get('k'), await b.get('k'), await users.get('u')]).toEqual([undefined, undefined, undefined]);
    await eventually(async () => {
      await a.set('k', 'new', { tags: ['t'] });
      await users.set('u', 'new');
      expect([await b.get('k'), await b.namespace('users').get('u')]).toEqual(['new', 'new']);
    });
  });

  it.each([
    ['text', ['SET', 'shop:tag:{t}', 'nonsense here']],
    ['bytes', ['SET', 'shop:tag:{t}', '\xff\0']],
    ['a list', ['RPUSH', 'shop:tag:{t}', 'x']],
    ['a hash', ['HSET', 'shop:tag:{t}', 'x', 'y']],
  ])('%s in the place of a version is replaced', async (_, command) => {
    const [a, b] = await pair();
    await redis.cli(...command);
    await a.set('k', 1, { tags: ['t'] });
    expect(await b.get('k')).toBe(1);
    await redis.cli('DEL', 'shop:tag:{t}');
    await redis.cli(...command);
    await b.invalidateTags(['t'], { soft: true });
    await eventually(() => a.peek('k') === undefined);
    expect([await a.get('k'), await b.get('k')]).toEqual([undefined, undefined]);
    expect([a.stats().l2Errors, b.stats().l2Errors]).toEqual([0, 0]);
  });

  it('without a bus atomic operations see a clear elsewhere at once', async () => {
    const [a, b] = await pair({ mode: false, memory: false });
    await Promise.all([a.set('x', 1), b.set('x', 1)]);
    await b.increment('n', 5);
    await b.clear();
    expect([await a.setIfAbsent('k', 'a'), await b.setIfAbsent('k', 'b')]).toEqual([true, false]);
    expect([await a.increment('n'), await b.increment('n')]).toEqual([1, 2]);
  });

  it.each([true, false])('with it, as soon as it is heard, as what is set is seen; with memory: %s', async (memory) => {
    const [a, b] = await pair({ memory });
    await Promise.all([a.set('x', 1), b.set('x', 1)]);
    await b.clear();
    let turn = 0;
    await eventually(async () => {
      turn += 1;
      expect([await a.setIfAbsent(`k${turn}`, 'a'), await b.setIfAbsent(`k${turn}`, 'b')]).toEqual([true, false]);
    });
    expect([await a.increment('n'), await b.increment('n')]).toEqual([1, 2]);
    await a.set('y', 1);
    expect([await a.get('y'), await b.get('y')]).toEqual([1, 1]);
  });
});
