import { cacheBuilder, type Duration, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../support/tcp-proxy.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.cli('FLUSHALL'));

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

const foreign = (...args: string[]) => redis.cli(...args);
const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
const copies = (cache: TieredCache) => keys.filter((key) => cache.peek(key) !== undefined);
const trust = (cache: TieredCache, wanted: boolean) =>
  eventually(() => cache.health().bus?.trusted === wanted, { within: 15_000 });

/** Own writes are heard too, so it takes a read after the last of them is through. */
async function holds(cache: TieredCache, wanted: readonly string[] = keys): Promise<void> {
  await eventually(async () => {
    await cache.getMany(wanted);
    return wanted.every((key) => cache.peek(key) !== undefined);
  });
}

interface Options {
  readonly url?: string;
  readonly mode?: 'tracking' | 'pub-sub';
  readonly maxStaleness?: Duration;
}

/** Everything that a foreign client may do to the copy of `k0`, done through its name in Redis. */
const changes: [string, string[]][] = [
  ['SET', ['SET', 'shop:cache:{k0}', 'x']],
  ['DEL', ['DEL', 'shop:cache:{k0}']],
  ['UNLINK', ['UNLINK', 'shop:cache:{k0}']],
  ['EXPIRE', ['EXPIRE', 'shop:cache:{k0}', '100']],
  ['RENAME', ['RENAME', 'shop:cache:{k0}', 'shop:cache:{other}']],
  ['a script', ['EVAL', "redis.call('DEL', KEYS[1])", '1', 'shop:cache:{k0}']],
  ['FLUSHDB', ['FLUSHDB']],
  ['FLUSHALL', ['FLUSHALL', 'ASYNC']],
];

describe.each(libraries)('a cache that tracks, over $library', ({ client }) => {
  let cache: TieredCache;
  /** Patient by default: a machine under load must not cost trust where that is not what is tested. */
  async function cacheOf({ url = redis.url, mode = 'tracking', maxStaleness = '30s' }: Options = {}): Promise<TieredCache> {
    const builder = cacheBuilder('shop')
      .memory()
      .redis({ client: client(url) });
    const made = builder.bus({ mode, maxStaleness }).budget('5s').logger(quiet).build();
    open.push(made);
    expect((await made.ready()).bus).toMatchObject({ trusted: true });
    return made;
  }
  beforeEach(async () => {
    cache = await cacheOf();
  });

  it.each(changes)('%s by a foreign client takes the copy out of L1', async (_name, command) => {
    await cache.set('k0', 'old');
    await holds(cache, ['k0']);
    await foreign(...command);
    await eventually(() => cache.peek('k0') === undefined, { every: 1 });
    expect(cache.stats().bus).toMatchObject({ received: 0, trustLost: 0 });
  });

  it('without tracking all of these leave the copy where it is', async () => {
    const deaf = await cacheOf({ mode: 'pub-sub' });
    for (const [name, command] of changes) {
      await deaf.set('k0', 'old');
      await foreign(...command);
      // Whatever Redis had to say of it has been heard when this is.
      await foreign('PUBLISH', 'shop:bus', `after ${name}`);
      await eventually(() => deaf.stats().bus?.malformed === changes.findIndex(([other]) => other === name) + 1);
      expect(await deaf.get('k0')).toBe('old');
    }
  });

  it('an own write leaves L1 empty, and the next read fills it', async () => {
    await cache.set('k0', 'mine');
    await eventually(() => cache.stats().bus?.tracked === 1);
    expect(cache.peek('k0')).toBeUndefined();
    expect(await cache.get('k0')).toBe('mine');
    expect(cache.peek('k0')).toBe('mine');
    expect(await cache.getOrSet('made', () => 1)).toBe(1);
    await eventually(() => cache.stats().bus?.tracked === 2);
    expect(cache.peek('made')).toBeUndefined();
  });

  it('hears Tierkeep without L1, and of deletes of what was not there', async () => {
    await using writer = cacheBuilder('shop').redis({ url: redis.url }).build();
    await writer.set('k0', 'old');
    await holds(cache, ['k0']);
    await writer.set('k0', 'new');
    await eventually(() => cache.peek('k0') === undefined, { every: 1 });
    await eventually(async () => (await cache.get('k0')) === 'new');
    expect(await writer.delete('absent')).toBe(false);
    await eventually(() => (cache.stats().bus?.received ?? 0) >= 3);
  });

  it('20 keys that are set while its connection is killed: none is stale once trusted again', async () => {
    for (const key of keys) await cache.set(key, 'old');
    await holds(cache);
    const lost = new Promise<void>((resolve) => cache.on('trust', ({ trusted }) => trusted || resolve()));
    await foreign('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await foreign('DEL', ...keys.map((key) => `shop:cache:{${key}}`));
    await lost;
    await trust(cache, true);
    expect((await cache.getMany(keys)).size).toBe(0);
  });

  it('trust ends within the bound on a network that swallows what Redis says, and comes back with it', async () => {
    const proxy: TcpProxy = await startProxy(redis);
    open.push(proxy);
    const far = await cacheOf({ url: proxy.url, maxStaleness: '1s' });
    for (const key of keys) await far.set(key, 'old');
    await holds(far);
    proxy.pause('to-client');
    await foreign('DEL', ...keys.map((key) => `shop:cache:{${key}}`));
    await eventually(() => copies(far).length === 0, { within: 10_000 });
    expect(far.health().bus).toMatchObject({ trusted: false });
    proxy.resume();
    await trust(far, true);
    await eventually(() => far.health().circuit?.state === 'closed', { within: 15_000 });
    expect((await far.getMany(keys)).size).toBe(0);
  });

  it('a user who may not track: told why, nothing of L1 is served, and all else works', async () => {
    await foreign('ACL', 'SETUSER', 'shop', 'reset', 'on', '>pw', '~shop:*', 'allchannels', '+@all', '-client|tracking');
    const limited = cacheBuilder('shop')
      .memory()
      .redis({ client: client(redis.url.replace('//', '//shop:pw@')) });
    const said: string[] = [];
    const warn = ({ operation, reason }: { operation?: string; reason?: string }) => void said.push(`${operation}: ${reason}`);
    const made = limited
      .bus({ mode: 'tracking' })
      .budget('5s')
      .logger({ ...quiet, warn })
      .build();
    open.push(made);
    expect((await made.ready()).bus).toMatchObject({ trusted: false, reason: expect.stringMatching(/NOPERM.*tracking/i) });
    await made.set('k0', 'v');
    await foreign('DEL', 'shop:cache:{k0}');
    expect([await made.get('k0'), made.peek('k0')]).toEqual([undefined, undefined]);
    expect(await made.getOrSet('k0', () => 'w')).toBe('w');
    expect(made.stats().l2Errors).toBeGreaterThan(0);
    expect(said).toEqual([expect.stringMatching(/^subscribe: Redis refused subscribe: NOPERM.*tracking/)]);
  });
});
