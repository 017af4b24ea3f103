import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

interface Result {
  readonly factoryRuns: number;
  /** How long the factory ran, 0 where another process's did. */
  readonly spent: number;
}

/** 8 processes × 50 callers of one cold key, and every command that a client sent meanwhile. */
async function stampede(bus: 'with-bus' | 'without-bus') {
  const path = fileURLToPath(new URL('../../bench/stampede-worker.ts', import.meta.url));
  const workers = Array.from({ length: 8 }, () => fork(path, [redis.url, bus], { execArgv: ['--import', 'tsx'] }));
  const exits = workers.map((worker) => once(worker, 'exit'));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const monitor = await new Redis(redis.url).monitor();
  const commands: string[] = [];
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    if (source !== 'lua') commands.push(String(args[0]).toLowerCase());
  });
  const from = performance.now();
  const answers = workers.map((worker) => once(worker, 'message') as Promise<[Result]>);
  for (const worker of workers) worker.send('go');
  const results = (await Promise.all(answers)).map(([result]) => result);
  const took = performance.now() - from;
  monitor.disconnect();
  await Promise.all(exits);
  // The proofs of trust and greetings are no part of it.
  const asked = commands.filter((name) => !['ping', 'del', 'monitor', 'hello', 'info', 'time'].includes(name));
  await redis.cli('FLUSHALL');
  return { results, commands: asked.length, over: took - Math.max(...results.map(({ spent }) => spent)) };
}

describe('8 processes and 50 callers in each', () => {
  it('run one factory, with at most 40 commands, and are woken by its fill', { timeout: 60_000 }, async () => {
    const { results, commands, over } = await stampede('with-bus');
    expect(results.reduce((sum, { factoryRuns }) => sum + factoryRuns, 0)).toBe(1);
    console.log(`${commands} commands, ${over.toFixed(1)} ms over the factory`);
    expect(commands).toBeLessThanOrEqual(40);
    // The next look without being woken comes after 125 ms at the soonest; `npm run bench` measures how soon it really is.
    expect(over).toBeLessThan(120);
  });

  it('ask more often where nobody wakes them', { timeout: 60_000 }, async () => {
    const { results, commands } = await stampede('without-bus');
    expect(results.reduce((sum, { factoryRuns }) => sum + factoryRuns, 0)).toBe(1);
    expect(commands).toBeGreaterThan(40);
  });
});
