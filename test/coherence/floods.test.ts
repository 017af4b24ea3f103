import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { libraries } from '../backends/redis/libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.cli('FLUSHALL'));

const many = 100_000;

/** All in one turn of the server. */
const byOneScript = async () => {
  await redis.cli('EVAL', `for i = 1, ${many} do redis.call('SET', 'shop:cache:{flood:' .. i .. '}', 'x') end`, '0');
};

/** As fast as the server takes them. */
const byOneClient = () =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(redis.port, '127.0.0.1');
    let replies = 0;
    socket.once('error', reject);
    socket.on('data', (chunk) => {
      for (const byte of chunk) if (byte === 0x0a) replies += 1;
      if (replies < many) return;
      socket.destroy();
      resolve();
    });
    socket.write(Array.from({ length: many }, (_, index) => `SET shop:cache:{flood:${index}} x\r\n`).join(''));
  });

const byMessages = async () => {
  const source = `for i = 1, ${many / 10} do redis.call('PUBLISH', 'shop:bus', 'tk1 ["flood","k","flood:' .. i .. '"]') end`;
  for (let round = 0; round < 10; round += 1) await redis.cli('EVAL', source, '0');
};

describe.each(libraries)('100,000 invalidations over $library', ({ client }) => {
  let cache: TieredCache;
  afterEach(() => cache.close());

  /** What the worst moment was like, in ms and bytes, until all of it was heard. */
  async function survive(mode: 'tracking' | 'pub-sub', flood: () => Promise<void>) {
    const builder = cacheBuilder('shop')
      .memory()
      .redis({ client: client(redis.url) });
    cache = builder.bus({ mode, maxStaleness: '30s' }).budget('10s').build();
    await cache.ready();
    await cache.set('mine', 1);
    await redis.cli('PUBLISH', 'shop:bus', 'written');
    await eventually(() => cache.stats().bus?.malformed === 1);
    expect(await cache.get('mine')).toBe(1);
    const anew: string[] = [];
    cache.on('trust', ({ trusted, reason }) => void anew.push(`${trusted} ${String(reason)}`));

    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const before = process.memoryUsage().rss;
    let worst = 0;
    let over = false;
    const reading = (async () => {
      while (!over) {
        expect(await cache.get('mine')).toBe(1);
        worst = Math.max(worst, process.memoryUsage().rss - before);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await flood();
    await redis.cli('PUBLISH', 'shop:bus', 'over');
    await eventually(() => cache.stats().bus?.malformed === 2, { within: 30_000 });
    over = true;
    await reading;
    delays.disable();
    expect(cache.health().bus?.trusted).toBe(true);
    expect(cache.stats()).toMatchObject({ entries: 1, bus: { trustLost: 0 } });
    // A few ms and a few MB in truth; the rest is for slow machines and a lazy collector.
    expect(delays.max / 1e6).toBeLessThan(5_000);
    expect(worst).toBeLessThan(100e6);
    return anew;
  }

  it('that Redis tells in one go are not looked at one by one: what is in L1 is verified', async () => {
    const [anew, ...more] = await survive('tracking', byOneScript);
    expect([anew, more]).toEqual(['true Error: more keys were changed at once than can be named', []]);
    expect(cache.stats().bus?.tracked).toBe(2);
    expect(await cache.get('mine')).toBe(1);
  });

  it('that Redis tells as they come are obeyed as they come', async () => {
    expect(await survive('tracking', byOneClient)).toEqual([]);
  });

  it('by messages are obeyed as they come', async () => {
    expect(await survive('pub-sub', byMessages)).toEqual([]);
    expect(cache.stats().bus?.received).toBe(many);
  });
});
