import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cacheBuilder } from 'tierkeep';

export interface Stampede {
  readonly callers: string;
  readonly factoryRuns: number;
  /** How much longer than the factory itself the slowest caller waited, ms. */
  readonly overFactoryMs: number;
  readonly target: { readonly factoryRuns: number; readonly overFactoryMs: number };
}

const factoryMs = 50;

/** 1,000 callers of one cold key in one process. */
export async function stampedeInOneProcess(redisUrl: string): Promise<Stampede> {
  const cache = cacheBuilder('stampede').memory().redis({ url: redisUrl }).build();
  await cache.ready();
  let factoryRuns = 0;
  let took = 0;
  let spent = 0;
  const factory = async () => {
    factoryRuns += 1;
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, factoryMs));
    spent = performance.now() - from;
    return 'made';
  };
  // The first round warms code and connection up; the second is what counts.
  for (const key of ['warm', 'cold']) {
    factoryRuns = 0;
    const from = performance.now();
    await Promise.all(Array.from({ length: 1_000 }, () => cache.getOrSet(key, factory)));
    took = performance.now() - from;
  }
  await cache.close();
  return {
    callers: '1 process x 1,000',
    factoryRuns,
    overFactoryMs: took - spent,
    target: { factoryRuns: 1, overFactoryMs: 3 },
  };
}

/** 8 processes x 50 callers of one cold key. */
export async function stampedeOfProcesses(redisUrl: string, processes = 8): Promise<Stampede> {
  const workers = Array.from({ length: processes }, () =>
    fork(fileURLToPath(new URL('./stampede-worker.ts', import.meta.url)), [redisUrl], { execArgv: process.execArgv }),
  );
  const exits = workers.map((worker) => once(worker, 'exit'));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const from = performance.now();
  const answers = workers.map((worker) => once(worker, 'message') as Promise<[{ factoryRuns: number; spent: number }]>);
  for (const worker of workers) worker.send('one-cold-key');
  const results = (await Promise.all(answers)).map(([result]) => result);
  const took = performance.now() - from;
  for (const worker of workers) worker.send('end');
  await Promise.all(exits);
  return {
    callers: `${processes} processes x 50`,
    factoryRuns: results.reduce((sum, result) => sum + result.factoryRuns, 0),
    overFactoryMs: took - Math.max(...results.map((result) => result.spent)),
    target: { factoryRuns: 1, overFactoryMs: 15 },
  };
}
