import { cacheBuilder, isOutage, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { changeAll, expectChanged, hardlyGone, putDown, quiet, witnessOf } from '../support/journal-changes.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../support/tcp-proxy.js';

let redis: RedisServer;
let proxy: TcpProxy;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.cli('FLUSHALL');
  proxy = await startProxy(redis);
});

const open: TieredCache[] = [];
afterEach(async () => {
  if (redis.frozen) redis.thaw();
  await Promise.all(open.splice(0).map((cache) => cache.close()));
  await proxy.close();
});

/** How Redis goes away and comes back. */
const outages: readonly (readonly [name: string, begin: () => unknown, end: () => unknown])[] = [
  ['frozen', () => redis.freeze(), () => redis.thaw()],
  ['refused', () => Promise.all([proxy.refuse(), proxy.cut()]), () => proxy.accept()],
  ['black-holed', () => proxy.pause(), () => proxy.resume()],
  ['answering into the void', () => proxy.pause('to-client'), () => proxy.resume()],
  ['black-holed and then cut', () => proxy.pause(), () => [proxy.cut(), proxy.resume()]],
];

describe.each(libraries)('what is changed while Redis is away, over $library', ({ client }) => {
  async function cacheOf(url = proxy.url): Promise<TieredCache> {
    const builder = cacheBuilder('shop')
      .budget('300ms')
      .memory()
      .redis({ client: client(url) });
    const cache = builder.circuitBreaker({ resetTimeout: '100ms' }).bus({ maxStaleness: '1s' }).logger(quiet).build();
    open.push(cache);
    await cache.ready();
    await eventually(() => cache.health().bus?.trusted === true);
    return cache;
  }
  function witness(): TieredCache {
    const made = witnessOf((builder) => builder.redis({ url: redis.url }));
    open.push(made);
    return made;
  }
  const wellAgain = (cache: TieredCache) =>
    eventually(
      () => {
        const { status, journal } = cache.health();
        if (status !== 'ok' || journal?.names !== 0)
          throw new Error(`${status}, ${journal?.names} names: ${journal?.lastError}`);
      },
      { within: 20_000 },
    );

  it.each(outages)('is in force afterwards: %s', async (_name, begin, end) => {
    const cache = await cacheOf();
    const other = await cacheOf(redis.url);
    // On a busy machine a budget so short may be too short for what is put down here.
    await eventually(async () => {
      await wellAgain(cache);
      await putDown(other);
      expect((await cache.getMany(hardlyGone)).size).toBe(hardlyGone.length);
    });
    await begin();
    await changeAll(cache);
    await expectForgottenHere(cache);
    expect(cache.health().journal?.names).toBeGreaterThan(0);
    await end();
    await wellAgain(cache);
    await expectChanged(witness(), 'sets may be gone');
    await expectForgottenHere(cache);
    expect(await redis.cli('EXISTS', ...hardlyGone.map((key) => `shop:cache:{${key}}`))).toBe('0');
    // The other process has heard of it, or verifies what it has once its trust has run out.
    await eventually(() => expectForgottenHere(other));
  });

  async function expectForgottenHere(cache: TieredCache): Promise<void> {
    expect(hardlyGone.map((key) => cache.peek(key))).toEqual(hardlyGone.map(() => undefined));
    expect([...(await cache.getMany(hardlyGone))]).toEqual([]);
    expect([await cache.get('tagged'), await cache.get('set').then((value) => value === 'old')]).toEqual([undefined, false]);
  }

  it('a set that arrived unanswered stays; of one that did not only the end of what was there before', async () => {
    const cache = await cacheOf();
    await eventually(async () => {
      await wellAgain(cache);
      await cache.setMany([['arrives', 'old'], ['does not', 'old']], { budget: '10s' }); // biome-ignore format: one line
    });
    const reader = witness();
    proxy.pause('to-client');
    await cache.set('arrives', 'new');
    await eventually(async () => expect(await reader.get('arrives')).toBe('new'));
    proxy.pause('to-server');
    await cache.set('does not', 'new');
    expect(await cache.get('does not')).toBe('new');
    proxy.resume();
    await wellAgain(cache);
    expect([await reader.get('arrives'), await reader.get('does not')]).toEqual(['new', undefined]);
    expect([await cache.get('arrives'), await cache.get('does not')]).toEqual(['new', undefined]);
    expect(await redis.cli('EXISTS', 'shop:cache:{does not}')).toBe('0');
  });

  it.each(outages)('under the policy throw it is told, and no session is lost: %s', async (_name, begin, end) => {
    const cache = await cacheOf();
    const sessions = cache.namespace('sessions', { outage: 'throw' });
    const ids = ['a', 'b', 'c'];
    await eventually(async () => {
      await wellAgain(cache);
      await sessions.setMany(ids.map((id) => [id, 'old']));
    });
    await begin();
    const changes = [sessions.set('a', 'new'), sessions.setMany([['b', 'new']]), sessions.delete('c', { soft: true })];
    for (const { status, reason } of (await Promise.allSettled(changes)) as PromiseRejectedResult[]) {
      expect([status, isOutage(reason)]).toEqual(['rejected', true]);
    }
    await expect(sessions.getOrSet('d', () => 'made')).rejects.toSatisfy(isOutage);
    expect(cache.health().journal?.names).toBe(0);
    await end();
    await wellAgain(cache);
    const found = await eventually(() => sessions.getMany(ids));
    expect(ids.slice(0, 2).filter((id) => !['old', 'new'].includes(found.get(id) as string))).toEqual([]);
    expect([...(await witness().namespace('sessions').getMany(ids))]).toEqual([...found]);
  });

  it('what was acknowledged is in force when Redis is restarted with older data', async () => {
    const cache = await cacheOf();
    await eventually(async () => {
      await wellAgain(cache);
      await putDown(witness());
      expect((await cache.getMany(hardlyGone)).size).toBe(hardlyGone.length);
    });
    await redis.cli('SAVE');
    await changeAll(cache);
    // All of it acknowledged, in this turn or by the journal.
    await wellAgain(cache);
    await redis.kill();
    await redis.restart();
    // It is old there, and stays so if nobody tells.
    await eventually(async () => expect(await redis.cli('DBSIZE')).not.toBe('0'));
    await eventually(
      async () => {
        await cache.get('anything');
        await wellAgain(cache);
        await expectChanged(witness(), 'sets may be gone');
      },
      { within: 20_000 },
    );
    await expectForgottenHere(cache);
  });
});
