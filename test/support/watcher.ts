import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ClusterOptions } from '../../src/backends/redis/cluster.js';
import type { SentinelOptions } from '../../src/backends/redis/sentinel.js';
import { eventually } from './eventually.js';
import type { Read } from './histories/process-history.js';

export interface WatcherOptions {
  readonly process: string;
  /** The cache's name. */
  readonly cache: string;
  readonly cluster?: Pick<ClusterOptions, 'nodes' | 'driver'>;
  readonly sentinel?: Pick<SentinelOptions, 'name' | 'sentinels' | 'driver'>;
  readonly maxStaleness: number;
  readonly keys: readonly string[];
}

export interface FromWatcher {
  readonly reads: Read[];
  /** It trusts its L1, and its circuit is closed. */
  readonly well: boolean;
  readonly trustLost: number;
  readonly hits: number;
}

/** A process with a cache of its own that reads the same keys over and over, and writes down what it read. */
export interface Watcher {
  readonly reads: readonly Read[];
  readonly trustLost: number;
  readonly hits: number;
  /** Resolves when it said, after now, that it trusts what it has. */
  well(): Promise<void>;
  stop(): Promise<void>;
}

export async function startWatcher(options: WatcherOptions): Promise<Watcher> {
  const path = fileURLToPath(new URL('watcher-process.ts', import.meta.url));
  const child = fork(path, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] });
  const exited = once(child, 'exit');
  const reads: Read[] = [];
  let last: FromWatcher | undefined;
  child.on('message', (message: FromWatcher) => {
    reads.push(...message.reads);
    last = message;
  });
  const well = async () => {
    last = undefined;
    await eventually(() => last?.well === true, { within: 20_000 });
  };
  try {
    await Promise.race([well(), exited.then(() => Promise.reject(new Error(`${options.process} ended`)))]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    reads,
    get trustLost() {
      return last?.trustLost ?? 0;
    },
    get hits() {
      return last?.hits ?? 0;
    },
    well,
    async stop() {
      if (child.connected) child.send('stop');
      const limit = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(limit);
    },
  };
}
