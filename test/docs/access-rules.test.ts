import { readFileSync } from 'node:fs';
import { cacheBuilder, type TieredCache } from 'tierkeep';
import { redisLocks } from 'tierkeep/locks';
import { describe, expect, it } from 'vitest';
import { startOneSentinel } from '../backends/redis/sentinel/one-sentinel.js';
import { eventually } from '../support/eventually.js';
import { startCluster } from '../support/redis-cluster.js';
import { startRedis } from '../support/redis-server.js';

const page = readFileSync('docs/redis-deployment.md', 'utf8');
/** The rules of the page: of a node, of a node of a Cluster besides, of a Sentinel, of a node that keeps locks or is to tell of foreign changes besides. */
const [ofNode, ofClusterNode, ofSentinel, toLock, toTrack] = Array.from(page.matchAll(/^ACL SETUSER .*$/gm), ([line]) =>
  line.split(' '),
) as [string[], string[], string[], string[], string[]];
const user = { username: 'tierkeep', password: 'secret' };
const entries = Array.from({ length: 20 }, (_, id) => [`user:${id}`, id] as const);

/** Everything that a cache asks of Redis, with nothing in the server's record of what it refused but the libraries' greetings. */
async function expectAllowed(cache: TieredCache, refused: () => Promise<string>) {
  const errors: unknown[] = [];
  cache.on('l2:error', ({ error }) => errors.push(error));
  expect(await cache.ready()).toMatchObject({ status: 'ok', bus: { trusted: true } });
  await cache.setMany(entries);
  expect((await cache.getMany(entries.map(([key]) => key))).size).toBe(20);
  expect(await cache.getOrSet('made', () => 1)).toBe(1);
  expect(await cache.increment('count', 2)).toBe(2);
  expect(await cache.setIfAbsent('count', 1)).toBe(false);
  expect(await cache.expire('count', '1h')).toBe(true);
  expect(await cache.delete('made')).toBe(true);
  expect(await cache.deleteMany(['user:0', 'user:1'])).toBe(2);
  expect(await cache.deletePattern('user:*')).toBe(18);
  await cache.clear();
  await expectLocks(cache);
  // The bus probes every 500 ms.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(cache.health()).toMatchObject({ status: 'ok', bus: { trusted: true } });
  expect(errors).toEqual([]);
  await cache.close();
  const objects = Array.from((await refused()).matchAll(/^object\n(.*)$/gm), ([, object]) => object);
  expect(objects.filter((object) => !/^client/i.test(String(object)))).toEqual([]);
}

async function expectLocks({ locks }: TieredCache) {
  const lock = await locks.acquire('job');
  const [second, third] = [locks.acquire('job'), locks.acquire('job')];
  await eventually(async () => (await locks.inspect('job')).waiting === 2);
  await lock.refresh();
  await lock.release();
  await second;
  expect(await locks.forceRelease('job')).toBe(true);
  expect(await (await third).release()).toBe(true);
  expect(locks.stats()).toMatchObject({ acquired: 3, lost: 1, released: 2 });
}

describe.each(['ioredis', 'node-redis'] as const)('the users of the page may do all that is needed, over %s', (driver) => {
  it('on one server', async () => {
    const server = await startRedis();
    await server.cli(...ofNode);
    await server.cli(...toLock);
    const { host, port } = server;
    await expectAllowed(
      cacheBuilder('shop')
        .budget('10s')
        .memory()
        .redis({ host, port, ...user, driver })
        .build(),
      () => server.cli('ACL', 'LOG'),
    );
    await server.stop();
  });

  it('and what tracking needs besides is needed', async () => {
    const server = await startRedis();
    await server.cli(...ofNode);
    const { host, port } = server;
    const builder = cacheBuilder('shop').memory();
    const tracking = builder.redis({ host, port, ...user, driver }).bus({ mode: 'tracking' });
    await using without = tracking.build();
    expect((await without.ready()).bus).toMatchObject({ trusted: false, reason: expect.stringContaining('NOPERM') });
    await server.cli(...toTrack);
    await server.cli(...toLock);
    await expectAllowed(tracking.build(), () => server.cli('ACL', 'LOG'));
    await server.stop();
  });

  it('and what locks need besides is needed', async () => {
    const server = await startRedis();
    await server.cli(...ofNode);
    const { host, port } = server;
    await using locks = redisLocks({ name: 'shop', redis: { host, port, ...user, driver }, budget: '10s' });
    // The words after it are the server's, of its version.
    await expect(locks.tryAcquire('job')).rejects.toThrow(/^Redis refused lock: /);
    await server.cli(...toLock);
    expect(await (await locks.acquire('job')).release()).toBe(true);
    await server.stop();
  });

  it('on a Cluster', async () => {
    const cluster = await startCluster({ replicas: 0 });
    for (const port of cluster.ports) {
      await cluster.cli(port, ...ofNode);
      await cluster.cli(port, ...ofClusterNode);
      await cluster.cli(port, ...toLock);
    }
    const cache = cacheBuilder('shop')
      .budget('10s')
      .memory()
      .cluster({ nodes: cluster.addresses, ...user, driver })
      .build();
    const refused = async () => (await Promise.all(cluster.ports.map((port) => cluster.cli(port, 'ACL', 'LOG')))).join('\n');
    await expectAllowed(cache, refused);
    await cluster.stop();
  });

  it('behind Sentinels', async () => {
    const { node, sentinel, stop } = await startOneSentinel();
    await node.cli(...ofNode);
    await node.cli(...toLock);
    await sentinel.cli(...ofSentinel);
    const access = { ...user, sentinelUsername: user.username, sentinelPassword: user.password };
    const builder = cacheBuilder('shop').budget('10s').memory();
    const cache = builder.sentinel({ name: 'primary', sentinels: [`127.0.0.1:${sentinel.port}`], ...access, driver }).build();
    const refused = async () => `${await node.cli('ACL', 'LOG')}\n${await sentinel.cli('ACL', 'LOG')}`;
    await expectAllowed(cache, refused);
    await stop();
  });
});
