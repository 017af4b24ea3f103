import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

type Told = { readonly ranAt: number } | { readonly errors: readonly string[] };

let redis: RedisServer;
let workers: ChildProcess[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  const exits = workers.map((worker) => worker.exitCode ?? once(worker, 'exit'));
  for (const worker of workers) worker.kill();
  await Promise.all(exits);
});
afterAll(() => redis.stop());

describe('a factory that fails in 5 processes', () => {
  it.each(['with-bus', 'without-bus'])(
    '%s: runs once in each, a back-off apart, and all callers get the error of their own process',
    async (bus) => {
      const path = fileURLToPath(new URL('../support/failing-worker.ts', import.meta.url));
      workers = Array.from({ length: 5 }, () => fork(path, [redis.url, bus], { execArgv: ['--import', 'tsx'] }));
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      const runs: number[] = [];
      const errors = new Map<number | undefined, readonly string[]>();
      const failures: Promise<unknown>[] = [];
      for (const worker of workers) {
        worker.on('message', (told: Told) => {
          if ('errors' in told) return void errors.set(worker.pid, told.errors);
          runs.push(told.ranAt);
          const isLast = runs.length === workers.length;
          // Each fails only when another one waits for it.
          const waited = async () => isLast || (await redis.cli('GET', 'failing:lease:{k}')).endsWith(' w');
          failures.push(eventually(waited, { within: 20_000 }).then(() => worker.send('fail')));
        });
      }
      for (const worker of workers) worker.send('go');
      await eventually(() => errors.size === workers.length, { within: 45_000 });
      await Promise.all(failures);

      expect(runs).toHaveLength(workers.length);
      for (const { pid } of workers) expect(errors.get(pid)).toEqual(Array.from({ length: 20 }, () => `of ${pid}`));
      // Whoever was put off for a second heeds failures no more.
      const patient = runs.filter((at) => at - (runs[0] as number) < 900);
      for (const [index, at] of patient.entries()) {
        // A ms each for the clocks of Redis and of this process, which show whole ones.
        if (index > 0) expect(at - (patient[index - 1] as number)).toBeGreaterThanOrEqual(98);
      }
      expect(patient.length).toBeGreaterThanOrEqual(1);
      expect(await redis.cli('EXISTS', 'failing:cache:{k}')).toBe('0');
    },
  );
});
