import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** To a process: so many waiters on that lock at once, each to hold it for `ms`. */
export interface Order {
  readonly id: number;
  readonly entrant: string;
  readonly resource: string;
  readonly waiters: number;
  readonly ms: number;
}

/** Moments of the machine's monotonic clock, ns: the same one for all processes. */
export interface Held {
  readonly asked: bigint;
  readonly got: bigint;
  readonly ended: bigint;
  readonly givenBack: bigint;
}

export type Told = { readonly id: number; readonly waiting: true } | { readonly id: number; readonly holds: readonly Held[] };

/** Processes that wait for locks when they are told to. */
export interface Crew {
  readonly size: number;
  /** Resolves when all have given the lock back. */
  hold(at: number, order: Omit<Order, 'id'>, waiting?: () => void): Promise<readonly Held[]>;
  end(): Promise<void>;
}

export async function startCrew(size: number, urls: readonly string[]): Promise<Crew> {
  const path = fileURLToPath(new URL('../lock-worker.ts', import.meta.url));
  const options = { execArgv: process.execArgv, serialization: 'advanced' } as const;
  const workers = Array.from({ length: size }, () => fork(path, [...urls], options));
  const exits = workers.map(async (worker) => {
    const [code] = await once(worker, 'exit');
    // Rejected and not handled, it ends the benchmark, which would wait for ever.
    if (code !== 0) throw new Error('a process of the benchmark failed');
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  let orders = 0;
  return {
    size,
    hold(at, order, waiting) {
      const worker = workers[at] as ChildProcess;
      const id = ++orders;
      return new Promise((resolve) => {
        const hear = (told: Told) => {
          if (told.id !== id) return;
          if ('waiting' in told) waiting?.();
          else {
            worker.off('message', hear);
            resolve(told.holds);
          }
        };
        worker.on('message', hear);
        worker.send({ id, ...order } satisfies Order);
      });
    },
    async end() {
      for (const worker of workers) worker.send('end');
      await Promise.all(exits);
    },
  };
}
