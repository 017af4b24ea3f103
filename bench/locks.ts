/**
 * `npm run bench -- --only lock`, or by itself `npx tsx bench/locks.ts [rounds]`: what a hand-over costs beside polling, and what it costs to keep
 * 10,000 locks.
 */
import { pathToFileURL } from 'node:url';
import { startRedis } from '../test/support/redis-server.js';
import { type HandOvers, handOvers } from './locks/hand-overs.js';
import { type ManyLocks, manyLocks } from './locks/many-locks.js';

export interface LockFigures {
  readonly handOvers: readonly HandOvers[];
  readonly many: readonly ManyLocks[];
}

export async function lockFigures(rounds: number): Promise<LockFigures> {
  const servers = await Promise.all([startRedis(), startRedis(), startRedis()]);
  const [redis] = servers;
  try {
    const many = [await manyLocks(redis, 'ioredis'), await manyLocks(redis, 'node-redis')];
    return { handOvers: await handOvers(servers, rounds), many };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

export function showLocks({ handOvers, many }: LockFigures): void {
  console.table(
    handOvers.map(({ entrant, wallMs, idealMs, ratio, commands, inversions, target }) => ({
      '50 waiters, 2 ms each': entrant,
      'all, ms': Number(wallMs.toFixed(1)),
      'timers alone, ms': Number(idealMs.toFixed(1)),
      ratio: Number(ratio.toFixed(2)),
      'commands each': Number(commands.toFixed(1)),
      inversions,
      wanted: target === undefined ? '' : `<= ${target.wallMs} ms, <= ${target.commands}, ${target.inversions}`,
    })),
  );
  console.table(
    many.map((one) => ({
      '10,000 locks': one.driver,
      'taken, ms': Math.round(one.takenMs),
      'by SET NX PX, ms': Math.round(one.rawMs),
      'refreshed, ms': Math.round(one.refreshedMs),
      'kept: commands/s': Math.round(one.commandsPerSecond),
      'CPU, ms/s': Math.round(one.cpuMsPerSecond),
      'of Redis, ms/s': Math.round(one.redisMsPerSecond),
      'released, ms': Math.round(one.releasedMs),
      lost: one.lost,
    })),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) showLocks(await lockFigures(Number(process.argv[2] ?? 5)));
