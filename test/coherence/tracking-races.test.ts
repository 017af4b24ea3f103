import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { redisStore } from '../../src/backends/redis/redis-store.js';
import { connectStandalone } from '../../src/backends/redis/standalone.js';
import { systemClock } from '../../src/clock.js';
import { pubSub } from '../../src/coherence/pub-sub.js';
import { tracking } from '../../src/coherence/tracking.js';
import { physicalKeys } from '../../src/entries/keys.js';
import { eventually } from '../support/eventually.js';
import { gatedStore } from '../support/gated-store.js';
import { Gates } from '../support/gates.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { deferred, type ProcessOptions, simulatedProcess } from '../support/simulated-process.js';

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

const name = physicalKeys('shop').entry('k');

/** A cache over real Redis whose replies can be held up. `tracked: false` is the mechanism switched off. */
async function processOf({ tracked = true, ...options }: ProcessOptions & { tracked?: boolean } = {}) {
  const gates = new Gates();
  const keys = physicalKeys('shop');
  const connection = connectStandalone({ url: redis.url, clock: systemClock });
  const store = redisStore(connection, { name: 'shop', clock: systemClock, leaseMs: 5_000, events: { unreadable() {} } });
  const bus = pubSub(connection, {
    channel: keys.channel,
    probeKey: keys.probe,
    clock: systemClock,
    tracking: tracked ? tracking(keys) : undefined,
  });
  const peers = { bus, origin: 'me', maxStaleness: 10_000 };
  const { cache } = simulatedProcess(systemClock, gatedStore(store, 'p', gates.pass), { ...options, peers });
  open.push(cache);
  expect((await cache.ready()).bus?.trusted).toBe(true);
  /** A foreign client's command, and what Redis tells of it has been heard. */
  const foreign = async (...args: string[]) => {
    const { malformed = 0 } = cache.stats().bus ?? {};
    await redis.cli(...args);
    // On the same connection, after it.
    await redis.cli('PUBLISH', keys.channel, 'heard');
    await eventually(() => cache.stats().bus?.malformed === malformed + 1);
  };
  return { cache, gates, foreign };
}

const off: [string, Parameters<typeof processOf>[0]][] = [
  ['tracking', { tracked: false }],
  ['the fence', { fence: 'off' }],
];

describe('a read whose reply comes after a foreign DEL was heard', () => {
  async function run(options?: Parameters<typeof processOf>[0]) {
    const { cache, gates, foreign } = await processOf(options);
    await using writer = (await processOf()).cache;
    await writer.set('k', 'old');
    await foreign('PING');
    const reply = gates.hold('read', 'reply');
    const reading = cache.get('k');
    await reply.arrived;
    await foreign('DEL', name);
    reply.release();
    expect(await reading).toBe('old');
    return cache.peek('k');
  }

  it('is answered and leaves no copy', async () => {
    expect(await run()).toBeUndefined();
  });

  it.each(off)('leaves a stale one without %s', async (_what, options) => {
    expect(await run(options)).toBe('old');
  });
});

describe('a load that runs while a foreign client deletes its key', () => {
  it('stores nothing, neither in L1 nor in Redis', async () => {
    const { cache, foreign } = await processOf();
    await cache.set('k', 'older');
    await foreign('PING');
    const made = deferred<string>();
    const began = deferred();
    const load = () => {
      began.resolve();
      return made.promise;
    };
    const loading = cache.getOrSet('k', load, { forceFresh: true });
    await began.promise;
    await foreign('DEL', name);
    made.resolve('old');
    expect(await loading).toBe('old');
    expect(cache.peek('k')).toBeUndefined();
    expect(await redis.cli('EXISTS', name)).toBe('0');
  });

  it('stores nothing where there was nothing either, if the lease is deleted too', async () => {
    const { cache, foreign } = await processOf();
    const made = deferred<string>();
    const began = deferred();
    const loading = cache.getOrSet('k', () => {
      began.resolve();
      return made.promise;
    });
    await began.promise;
    await foreign('DEL', name, physicalKeys('shop').lease('k'));
    made.resolve('old');
    expect(await loading).toBe('old');
    expect([cache.peek('k'), await redis.cli('EXISTS', name)]).toEqual([undefined, '0']);
  });

  async function filledTooEarly(options?: Parameters<typeof processOf>[0]) {
    const { cache, gates, foreign } = await processOf(options);
    const reply = gates.hold('fill', 'reply');
    const loading = cache.getOrSet('k', () => 'old');
    await reply.arrived;
    await foreign('DEL', name);
    reply.release();
    expect(await loading).toBe('old');
    return cache.peek('k');
  }

  it('keeps no copy when it was stored and deleted before the reply came', async () => {
    expect(await filledTooEarly()).toBeUndefined();
  });

  it.each(off)('keeps a stale one without %s', async (_what, options) => {
    expect(await filledTooEarly(options)).toBe('old');
  });
});
