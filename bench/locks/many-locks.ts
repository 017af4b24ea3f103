import { redisLocks } from 'tierkeep/locks';
import type { RedisServer } from '../../test/support/redis-server.js';
import { type Driver, rawLock } from './raw-lock.js';

const count = 10_000;
const ttl = 30_000;
const patient = { ttl, wait: '1m', budget: '10s' } as const;

export interface ManyLocks {
  readonly driver: Driver;
  /** Until all are taken, all of them asked for at once; and the same by SET NX PX and the same client, ms. */
  readonly takenMs: number;
  readonly rawMs: number;
  /** Until all have a new life, ms, all of them refreshed at once. */
  readonly refreshedMs: number;
  /** What keeping them takes while nobody does anything: commands, ms of CPU of this process and of Redis, for each second. */
  readonly commandsPerSecond: number;
  readonly cpuMsPerSecond: number;
  readonly redisMsPerSecond: number;
  readonly releasedMs: number;
  readonly lost: number;
}

/** 10,000 locks of one process, which renews them. */
export async function manyLocks(redis: RedisServer, driver: Driver): Promise<ManyLocks> {
  const resources = Array.from({ length: count }, (_, id) => `job:${id}`);
  const raw = await rawLock(driver, redis.url);
  const rawMs = await timed(() => Promise.all(resources.map((resource) => raw.set(`raw:${driver}:${resource}`, 'token'))));
  raw.close();

  const locks = redisLocks({ name: driver, redis: { url: redis.url, driver } });
  await locks.use('warm', patient, () => undefined);
  const held: Awaited<ReturnType<typeof locks.acquire>>[] = [];
  const takenMs = await timed(async () => {
    held.push(...(await Promise.all(resources.map((resource) => locks.acquire(resource, patient)))));
  });
  const refreshedMs = await timed(() => Promise.all(held.map((lock) => lock.refresh())));

  await redis.cli('CONFIG', 'RESETSTAT');
  const cpu = process.cpuUsage();
  // In so long each is renewed once.
  const seconds = (await timed(() => new Promise((resolve) => setTimeout(resolve, ttl / 3)))) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const { calls, us } = scriptsIn(await redis.cli('INFO', 'commandstats'));
  const releasedMs = await timed(() => Promise.all(held.map((lock) => lock.release())));
  const { lost } = locks.stats();
  await locks.close();
  return {
    driver,
    takenMs,
    rawMs,
    refreshedMs,
    commandsPerSecond: calls / seconds,
    cpuMsPerSecond: (user + system) / 1_000 / seconds,
    redisMsPerSecond: us / 1_000 / seconds,
    releasedMs,
    lost,
  };
}

function scriptsIn(stats: string): { calls: number; us: number } {
  const [, calls, us] = /^cmdstat_evalsha:calls=(\d+),usec=(\d+)/m.exec(stats) ?? [];
  return { calls: Number(calls), us: Number(us) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
