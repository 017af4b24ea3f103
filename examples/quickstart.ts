/**
 * The main job in one page: two tiers on a real Redis, one factory run for a thousand callers, and a Redis that goes away and comes
 * back. Run: `npm start`. Without redis-server on the machine it shows the memory half and says so.
 */
import { cacheBuilder, type TieredCache } from 'tierkeep';
import { redisVersion } from '../test/support/redis-process.js';
import { startRedis } from '../test/support/redis-server.js';

const start = performance.now();

function say(text: string): void {
  console.log(`${(performance.now() - start).toFixed(0).padStart(6)} ms  ${text}`);
}

async function timed<T>(work: () => Promise<T>): Promise<[result: T, took: string]> {
  const from = performance.now();
  const result = await work();
  return [result, `${(performance.now() - from).toFixed(2)} ms`];
}

let factoryRuns = 0;

/** Stands for a slow query. */
async function loadUser(id: number): Promise<{ id: number; name: string }> {
  factoryRuns += 1;
  await new Promise((resolve) => setTimeout(resolve, 20));
  return { id, name: `user ${id}` };
}

async function showMemory(cache: TieredCache): Promise<void> {
  const [user, missTook] = await timed(() => cache.getOrSet('user:1', () => loadUser(1)));
  say(`miss: the factory made ${JSON.stringify(user)} in ${missTook}`);
  const [, hitTook] = await timed(() => cache.getOrSet('user:1', () => loadUser(1)));
  say(`L1 hit: the same value in ${hitTook}`);

  factoryRuns = 0;
  const callers = Array.from({ length: 1_000 }, () => cache.getOrSet('user:2', () => loadUser(2)));
  const [, allTook] = await timed(() => Promise.all(callers));
  say(`1,000 callers of one cold key: ${factoryRuns} factory run, ${allTook} for all of them`);
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await what()); turn += 1) {
    if (turn === 1_000) throw new Error('Redis did not come back');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function showRedis(): Promise<void> {
  const redis = await startRedis();
  const build = () =>
    cacheBuilder('quickstart').memory().redis({ url: redis.url }).ttl('5m').circuitBreaker({ resetTimeout: '250ms' }).build();
  const cache = build();
  const second = build();
  try {
    say(`a real redis-server on port ${redis.port}; the cache says: ${(await cache.ready()).status}`);
    await showMemory(cache);

    const [user, l2Took] = await timed(() => second.get('user:1'));
    say(`L2 hit: a second instance reads ${JSON.stringify(user)} from Redis in ${l2Took}`);

    await redis.kill();
    say('Redis is killed');
    const [, l1Took] = await timed(() => cache.get('user:1'));
    say(`L1 still serves user:1 in ${l1Took}`);
    for (let id = 10; id < 20; id += 1) await cache.getOrSet(`user:${id}`, () => loadUser(id));
    say(
      `ten new users were loaded without an error; the circuit is ${cache.health().circuit?.state}: ${cache.health().status}`,
    );

    await redis.restart();
    say('Redis is started again');
    await until(() => cache.health().status === 'ok');
    await until(async () => {
      // A set that Redis does not take in time stays in memory, so it is not only waited for.
      await cache.set('user:30', { id: 30, name: 'user 30' });
      return (await second.get('user:30')) !== undefined;
    });
    say(`both instances share Redis again; the circuit is ${cache.health().circuit?.state}: ${cache.health().status}`);
    const { hits, misses, factoryRuns: runs, l2Errors } = cache.stats();
    say(`counted: ${hits} hits, ${misses} misses, ${runs} factory runs, ${l2Errors} failed L2 operations`);
  } finally {
    await Promise.all([cache.close(), second.close()]);
    await redis.stop();
  }
}

const hasRedis = await redisVersion().then(
  () => true,
  () => false,
);
if (hasRedis) {
  await showRedis();
} else {
  say('no redis-server on this machine, so memory alone (Debian: apt-get install redis-server; macOS: brew install redis)');
  const cache = cacheBuilder('quickstart').memory().ttl('5m').build();
  await showMemory(cache);
  await cache.close();
}
say('done');
