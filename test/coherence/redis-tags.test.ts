import { cacheBuilder, type Duration, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { startProxy } from '../support/tcp-proxy.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

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

interface Options {
  readonly mode?: 'tracking' | 'pub-sub';
  readonly maxStaleness?: Duration;
  readonly url?: string;
}

describe.each(libraries)('what is told of tags and namespaces, over $library', ({ client }) => {
  async function cacheOf({ mode = 'pub-sub', maxStaleness = '30s', url = redis.url }: Options = {}): Promise<TieredCache> {
    const builder = cacheBuilder('shop')
      .budget('10s')
      .memory()
      .redis({ client: client(url) });
    const cache = builder.bus({ mode, maxStaleness }).logger(quiet).build();
    open.push(cache);
    expect((await cache.ready()).bus).toMatchObject({ trusted: true });
    return cache;
  }
  const received = (cache: TieredCache) => cache.stats().bus?.received ?? 0;
  /** Once it has heard what the others wrote, it reads, and keeps what it reads. */
  const holds = (cache: TieredCache, key: string, value: unknown) =>
    eventually(async () => (await cache.get(key)) === value && cache.peek(key) === value);

  it.each(['pub-sub', 'tracking'] as const)('takes copies out of the other L1 without a read, by %s', async (mode) => {
    const [a, b] = await Promise.all([cacheOf({ mode }), cacheOf({ mode })]);
    const [ours, theirs] = [a.namespace('users'), b.namespace('users')];
    const changes = [
      () => a.invalidateTags(['t']),
      () => a.invalidateTags(['x', 't'], { soft: true }),
      () => ours.clear(),
      () => a.clear(),
    ];
    for (const [turn, change] of changes.entries()) {
      await ours.set('k', turn, { tags: ['t'] });
      await a.set('other', turn, { tags: ['o'] });
      await holds(theirs, 'k', turn);
      await holds(b, 'other', turn);
      await change();
      await eventually(() => theirs.peek('k') === undefined, { every: 1 });
      if (turn < 3) expect(await b.get('other')).toBe(turn);
      expect(await theirs.get('k')).toBeUndefined();
    }
  });

  it('malformed and foreign messages are counted and change nothing', async () => {
    const cache = await cacheOf();
    await cache.set('k', 1, { tags: ['t'] });
    const before = cache.stats().bus;
    const foreign = [
      'tk1',
      'tk1 ',
      'tk1 ["a","l",7]',
      'tk1 ["a","l",["tt"]]',
      'tk1 {"l":"tt"}',
      'tk1 ["a","l","tt"',
      'l tt',
      '\xff\0',
      '',
    ];
    for (const message of foreign) await redis.cli('PUBLISH', 'shop:bus', message);
    await eventually(() => (cache.stats().bus?.malformed ?? 0) - (before?.malformed ?? 0) === foreign.length);
    expect(cache.peek('k')).toBe(1);
    expect(cache.stats().bus).toMatchObject({ unknown: before?.unknown, trustLost: before?.trustLost });
  });

  it('labels that nobody knows are obeyed as what they are: nothing', async () => {
    const cache = await cacheOf();
    const users = cache.namespace('users');
    await users.set('k', 1, { tags: ['t'] });
    const before = received(cache);
    const odd = [['tnever met'], ['nnever:'], ['t'], [], ['t__proto__'], ['tT'], ['nusers:inner:']];
    for (const labels of odd) await redis.cli('PUBLISH', 'shop:bus', `tk1 ${JSON.stringify(['foreign', 'l', ...labels])}`);
    await eventually(() => received(cache) - before === odd.length);
    expect(users.peek('k')).toBe(1);
    await redis.cli('PUBLISH', 'shop:bus', 'tk1 ["foreign","l","tt"]');
    await eventually(() => users.peek('k') === undefined);
    // It was a word without a deed: the version is still the one.
    await holds(users, 'k', 1);
    // The namespace, and what may be a label of a later kind.
    for (const label of ['nusers:', 'z']) {
      await redis.cli('PUBLISH', 'shop:bus', `tk1 ["foreign","l","${label}"]`);
      await eventually(() => users.peek('k') === undefined);
      await holds(users, 'k', 1);
    }
  });

  it('a later version’s message has everything verified, and what counts stays', async () => {
    const cache = await cacheOf();
    await cache.setMany([['k', 1, { tags: ['t'] }], ['plain', 2]]); // biome-ignore format: one line
    await redis.cli('PUBLISH', 'shop:bus', 'tk1 ["foreign","L","tt"]');
    await redis.cli('PUBLISH', 'shop:bus', 'tk2 labels t');
    await eventually(() => cache.stats().bus?.unknown === 2);
    expect([cache.peek('k'), cache.peek('plain')]).toEqual([undefined, undefined]);
    expect([...(await cache.getMany(['k', 'plain'])).values()]).toEqual([1, 2]);
    expect(cache.stats().bus?.malformed).toBe(0);
  });

  it('more tags than a message holds are told as everything, and each is invalidated', async () => {
    const [a, b] = await Promise.all([cacheOf(), cacheOf()]);
    const tags = Array.from({ length: 5_000 }, (_, index) => `${'long '.repeat(80)}${index}`);
    await a.setMany([['first', 1, { tags: [tags[0] as string] }], ['last', 2, { tags: [tags.at(-1) as string] }], ['other', 3]]); // biome-ignore format: one line
    for (const [key, value] of [['first', 1], ['last', 2], ['other', 3]] as const) await holds(b, key, value); // biome-ignore format: one line
    await a.invalidateTags(tags, { budget: '30s' });
    expect(a.stats().l2Errors).toBe(0);
    await eventually(() => b.peek('first') === undefined && b.peek('last') === undefined);
    for (const cache of [a, b]) {
      expect([...(await cache.getMany(['first', 'last', 'other'])).values()]).toEqual([3]);
    }
  });

  it('what is invalidated while the subscriber hears nothing is gone within the bound', async () => {
    await using proxy = await startProxy(redis);
    const [a, b] = await Promise.all([cacheOf(), cacheOf({ url: proxy.url, maxStaleness: '1s' })]);
    const [users, theirs] = [a.namespace('users'), b.namespace('users')];
    await a.set('tagged', 'old', { tags: ['t'] });
    await users.set('k', 'old');
    await holds(b, 'tagged', 'old');
    await holds(theirs, 'k', 'old');
    proxy.pause('to-client');
    await a.invalidateTags(['t']);
    await users.clear();
    await eventually(() => b.peek('tagged') === undefined && theirs.peek('k') === undefined, { within: 20_000 });
    proxy.resume();
    expect([await b.get('tagged', { budget: '20s' }), await theirs.get('k', { budget: '20s' })]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
