import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { callsPerCommand, parseInfo } from '../support/info.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const day = 86_400_000;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.cli('FLUSHALL');
});

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});
function kept(cache: TieredCache): TieredCache {
  open.push(cache);
  return cache;
}

/** Calls of what reads and writes; what trust sends goes on all the time. */
async function calls(action: () => Promise<unknown>): Promise<number> {
  await redis.cli('CONFIG', 'RESETSTAT');
  await action();
  const counts = callsPerCommand(parseInfo(await redis.cli('INFO', 'commandstats')));
  return ['get', 'mget', 'set', 'eval', 'evalsha', 'evalsha_ro', 'scan'].reduce(
    (sum, name) => sum + (counts.get(name) ?? 0),
    0,
  );
}

const odd = [
  'with spaces in it',
  'a,b',
  'a=b/c-',
  '{braced}',
  'a{b}c',
  '}{',
  '{}',
  '100%',
  '%2C',
  '-',
  '~',
  '\n',
  '\0',
  '*?[a]\\',
  'ключ',
  '👩‍👩‍👧',
  '__proto__',
  'x'.repeat(512),
  'é'.repeat(256),
];

describe.each(libraries)('tags over $library', ({ client }) => {
  /** A process of its own; patient, since a machine under load must not cost trust. */
  async function cacheOf({ memory = true, bus = true } = {}): Promise<TieredCache> {
    const own = { client: client(redis.url) };
    const builder = cacheBuilder('shop').budget('10s').grace('1h').logger(quiet);
    const tiers = memory ? builder.memory().redis(own) : builder.redis(own);
    const cache = kept(tiers.bus(bus && { maxStaleness: '30s' }).build());
    await cache.ready();
    return cache;
  }

  it.each([
    ['memory and Redis', {}],
    ['Redis alone', { memory: false }],
    ['no bus', { memory: false, bus: false }],
  ])('are taken by every write, and end what carries them everywhere: %s', async (_, how) => {
    const [a, b] = [await cacheOf(how), await cacheOf(how)];
    const tags = ['t'];
    await a.set('set', 1, { tags });
    await a.setMany([['all', 1], ['each', 1, { tags: ['other'] }]], { tags }); // biome-ignore format: one line
    expect(await a.setIfAbsent('absent', 1, { tags })).toBe(true);
    expect(await a.increment('count', 1, { tags })).toBe(1);
    expect(await a.getOrSet('made', () => 1, { tags })).toBe(1);
    const keys = ['set', 'all', 'each', 'absent', 'count', 'made'];
    expect([...(await b.getMany(keys)).keys()]).toEqual(keys);
    expect((await b.getEntry('each'))?.tags).toEqual(['other']);
    await b.invalidateTags(tags);
    await eventually(async () => expect([...(await a.getMany(keys)).keys()]).toEqual(['each']));
    expect([...(await b.getMany(keys)).keys()]).toEqual(['each']);
    // What is gone is gone for what depends on it too, stale copies included.
    expect(await b.getEntry('set')).toBeUndefined();
    expect(await b.setIfAbsent('absent', 2)).toBe(true);
    expect(await b.increment('count')).toBe(1);
    expect(await b.expire('set', '1h')).toBe(false);
    await b.clear();
    await eventually(async () => expect((await a.getMany(keys)).size).toBe(0));
  });

  it('may be any text', async () => {
    const [a, b] = [await cacheOf(), await cacheOf()];
    await a.setMany(odd.map((tag, index) => [`k${index}`, tag, { tags: ['all', tag] }] as const));
    for (const [index, tag] of odd.entries()) {
      const entry = await b.getEntry(`k${index}`);
      expect(entry).toMatchObject({ value: tag, tags: ['all', tag] });
      await b.invalidateTags([tag]);
      await eventually(() => a.peek(`k${index}`) === undefined);
      expect([await a.get(`k${index}`), await b.get(`k${index}`)]).toEqual([undefined, undefined]);
      const next = odd[index + 1];
      if (next !== undefined) expect(await b.get(`k${index + 1}`)).toBe(next);
    }
  });

  it('stay through expire, increment and a soft delete, and their versions as long as the entry', async () => {
    const [a, b] = [await cacheOf(), await cacheOf()];
    await a.set('n', 1, { tags: ['n'], ttl: '1m', grace: '2d' });
    expect(await a.expire('n', '30d')).toBe(true);
    expect(await a.increment('n')).toBe(2);
    expect(Number(await redis.cli('PTTL', 'shop:tag:{n}'))).toBeGreaterThan(31.9 * day);
    await a.set('for ever', 1, { tags: ['e'] });
    await a.expire('for ever', Number.POSITIVE_INFINITY);
    expect(await redis.cli('PTTL', 'shop:tag:{e}')).toBe('-1');
    expect(await b.getEntry('n')).toMatchObject({ value: 2, tags: ['n'] });
    expect(await a.delete('n', { soft: true })).toBe(true);
    await eventually(async () => expect(await b.get('n')).toBeUndefined());
    expect(await b.getEntry('n')).toMatchObject({ value: 2, tags: ['n'] });
    await b.invalidateTags(['n', 'e']);
    await eventually(async () => expect([await a.getEntry('n'), await a.get('for ever')]).toEqual([undefined, undefined]));
  });

  it('that a factory names live as long as what it makes', async () => {
    const cache = await cacheOf();
    const load = (ttl: '30d' | number) =>
      cache.getOrSet(`k${ttl}`, ({ setOptions }) => {
        setOptions({ tags: [`t${ttl}`], ttl });
        return ttl;
      });
    // Of a tag that nobody here has met it cannot be said whether it was invalidated meanwhile: the next load stores.
    for (const ttl of ['30d', Number.POSITIVE_INFINITY] as const) {
      await eventually(async () => (await load(ttl)) === ttl && cache.peek(`k${ttl}`) !== undefined);
    }
    expect(Number(await redis.cli('PTTL', 'shop:tag:{t30d}'))).toBeGreaterThan(29.9 * day);
    expect(await redis.cli('PTTL', 'shop:tag:{tInfinity}')).toBe('-1');
    await cache.invalidateTags(['t30d']);
    expect(cache.peek('k30d')).toBeUndefined();
  });

  it('softly invalidated entries stand in for a factory that fails, in every process', async () => {
    const [a, b] = [await cacheOf(), await cacheOf()];
    await a.set('k', 'old', { tags: ['t'] });
    expect(await b.get('k')).toBe('old');
    await b.invalidateTags(['t'], { soft: true });
    await eventually(async () => expect(await a.get('k')).toBeUndefined());
    expect(await b.get('k')).toBeUndefined();
    const failing = () => Promise.reject(new Error('no'));
    expect([await a.getOrSet('k', failing), await b.getOrSet('k', failing)]).toEqual(['old', 'old']);
    await a.invalidateTags(['t']);
    await expect(a.getOrSet('k', failing)).rejects.toThrow('no');
    await eventually(() => expect(b.getOrSet('k', failing)).rejects.toThrow('no'));
  });

  it('cost a hit no round trip', async () => {
    const cache = await cacheOf();
    await cache.set('k', 1, { tags: ['a', 'b', 'c'] });
    const hits = async () => {
      for (let turn = 0; turn < 100; turn += 1) expect(await cache.getOrSet('k', () => 2, { tags: ['a'] })).toBe(1);
    };
    expect(await calls(hits)).toBe(0);
  });

  it('10,000 entries are invalidated, and cleared, by a handful of commands, and gone in the other process', async () => {
    const [a, b] = [await cacheOf(), await cacheOf()];
    const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}`);
    const fill = (tag: string) => a.setMany(keys.map((key) => [key, tag] as const), { tags: [tag], budget: '30s' }); // biome-ignore format: one line
    const here = async () => (await b.getMany(keys, { budget: '30s' })).size;
    await fill('x');
    expect(await here()).toBe(10_000);
    expect(await calls(() => a.invalidateTags(['x']))).toBeLessThanOrEqual(10);
    await eventually(() => keys.every((key) => b.peek(key) === undefined));
    expect(await here()).toBe(0);
    await fill('y');
    expect(await here()).toBe(10_000);
    expect(await calls(() => a.clear())).toBeLessThanOrEqual(10);
    await eventually(() => b.stats().entries === 0);
    expect(await here()).toBe(0);
    expect(Number(await redis.cli('DBSIZE'))).toBeGreaterThan(10_000);
    await a.clear({ physical: true, budget: '30s' });
    const left = (await redis.cli('KEYS', 'shop:*')).split('\n').filter((name) => name !== '');
    expect(left.filter((name) => /^shop:(cache|lease):/.test(name))).toEqual([]);
  });

  it('a tag of another process counts in one that has no bus, when L2 is asked', async () => {
    const [a, deaf] = [await cacheOf(), await cacheOf({ memory: false, bus: false })];
    await a.set('k', 1, { tags: ['t'] });
    expect(await deaf.get('k')).toBe(1);
    await a.invalidateTags(['t']);
    expect(await deaf.get('k')).toBeUndefined();
    await a.set('k', 2, { tags: ['t'] });
    expect(await deaf.get('k')).toBe(2);
    await deaf.clear();
    // It hears nothing, and is not heard.
    expect(await deaf.get('k')).toBeUndefined();
  });
});
