import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backoff } from '../../../src/backends/redis/backoff.js';
import { resolveServer } from '../../../src/backends/redis/client-options.js';
import { connectCluster } from '../../../src/backends/redis/cluster.js';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { ioredisDriver } from '../../../src/backends/redis/ioredis.js';
import { RedisConnection } from '../../../src/backends/redis/redis-connection.js';
import { connectSentinel } from '../../../src/backends/redis/sentinel.js';
import { connectStandalone } from '../../../src/backends/redis/standalone.js';
import { StandingLink } from '../../../src/backends/redis/standing-link.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { startRedis } from '../../support/redis-server.js';
import { startProxy } from '../../support/tcp-proxy.js';

describe('the pauses between attempts to connect', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  /** When it tried, in ms from the first attempt; each takes `takes` and fails. */
  function attempts(ms: number, chance: number, { takes = 0, reconnect }: { takes?: number; reconnect?: Backoff } = {}) {
    vi.spyOn(Math, 'random').mockReturnValue(chance);
    const began = performance.now();
    const tried: number[] = [];
    const standing = new StandingLink({
      connectTimeout: takes,
      reconnect,
      make() {
        tried.push(Math.round(performance.now() - began));
        if (takes === 0) throw new Error('refused');
        return { open: () => new Promise<void>(() => undefined), destroy() {} };
      },
      greet: () => Promise.resolve(),
      changed() {},
    });
    void standing.connect();
    vi.advanceTimersByTime(ms);
    standing.retire();
    return tried;
  }

  it('double from 50 ms up to 1 s', () => {
    expect(attempts(4_000, 1)).toEqual([0, 50, 150, 350, 750, 1_550, 2_550, 3_550]);
  });

  it('are up to a half shorter by chance, so that not all come back at one moment', () => {
    expect(attempts(2_000, 0)).toEqual([0, 25, 75, 175, 375, 775, 1_275, 1_775]);
  });

  it('are as long as they are told', () => {
    expect(attempts(2_000, 1, { reconnect: { minBackoff: 200, maxBackoff: 500 } })).toEqual([0, 200, 600, 1_100, 1_600]);
    expect(attempts(200, 1, { reconnect: { maxBackoff: 60 } })).toEqual([0, 50, 110, 170]);
  });

  it('count from the beginning of an attempt that took long, so that one is under way when the server comes back', () => {
    expect(attempts(4_000, 1, { takes: 900 })).toEqual([0, 950, 1_900, 2_850, 3_800]);
  });
});

describe('they are those that were told for every kind of link', () => {
  let connection: Connection | undefined;
  afterEach(() => connection?.close());

  const reconnect = { minBackoff: 20, maxBackoff: 20 };
  it.for<[string, (port: number, driver: 'ioredis' | 'node-redis') => Connection]>([
    ['to one server', (port, driver) => connectStandalone({ port, host: '127.0.0.1', reconnect, driver })],
    ['to a node of a Cluster', (port, driver) => connectCluster({ nodes: [`127.0.0.1:${port}`], reconnect, driver })],
    ['to Sentinels', (port, driver) => connectSentinel({ name: 'm', sentinels: [`127.0.0.1:${port}`], reconnect, driver })],
  ])('%s', async ([, connect]) => {
    for (const driver of ['ioredis', 'node-redis'] as const) {
      // It takes connections, and hangs up on them.
      await using proxy = await startProxy(await freePort());
      connection = connect(proxy.port, driver);
      await connection.connect();
      // With the usual pauses it is 30 at the most.
      await eventually(() => proxy.accepted > 40, { within: 20_000 });
      await connection.close();
    }
  });

  it('for messages', async () => {
    await using proxy = await startProxy(await freePort());
    await using server = await startRedis();
    // Only the subscriber is sent there.
    const { link } = ioredisDriver(resolveServer({ url: server.url }));
    const driver = { ...ioredisDriver(resolveServer({ url: proxy.url })), link };
    connection = new RedisConnection(driver, { reconnect });
    await connection.connect();
    await connection.subscribe('news', { message() {}, state() {} });
    await eventually(() => proxy.accepted > 40, { within: 20_000 });
    expect(connection.state).toBe('ready');
  });
});
