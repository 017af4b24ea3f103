import { type BusOptions, type BusStats, cacheBuilder, type TieredCache } from 'tierkeep';
import type { ProcessHistory } from './process-history.js';
import { allKeys, type Caller, follow, found, load } from './program.js';
import { randomFrom } from './random.js';
import { now, Recorder } from './recorder.js';
import { openSource } from './source.js';

export interface RunOptions {
  readonly name: string;
  readonly process: string;
  readonly slot: number;
  readonly seed: number;
  readonly callers: number;
  readonly redisUrl: string;
  readonly sourcePort: number;
  readonly bus: BusOptions | false;
  readonly leaseMs: number;
  readonly budget: number;
}

/** What the parent asks of a process; each is answered once. */
export interface Asked {
  start(options: RunOptions): Promise<void>;
  stop(): Promise<void>;
  /** The version of each key as everybody reads it. */
  read(): Promise<[key: string, version: number][]>;
  /** What is true of each key. */
  newest(): Promise<[key: string, version: number][]>;
  /** Writes the source of each key and deletes it. False when L2 failed. */
  renew(): Promise<boolean>;
  /** Begins to load a key and never ends; answered when the factory runs. */
  hang(key: string): Promise<void>;
  state(): Promise<{ readonly well: boolean; readonly bus: BusStats | undefined }>;
  close(): Promise<void>;
}

export interface Question {
  readonly id: number;
  readonly name: keyof Asked;
  readonly with: readonly unknown[];
}
export type ToParent =
  | { readonly history: ProcessHistory }
  | { readonly id: number; readonly answer: unknown }
  | { readonly failure: string };

interface Running extends Omit<Caller, 'random'> {
  readonly cache: TieredCache;
  followed: Promise<unknown>;
  stopped: boolean;
}

const tell = (message: ToParent) => process.send?.(message);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
let running: Running | undefined;

function current(): Running {
  if (running === undefined) throw new Error('nothing was started');
  return running;
}

function flush(): void {
  if (running !== undefined) tell({ history: running.recorder.take() });
}

const answers: Asked = {
  async start({ name, process, slot, seed, callers, redisUrl, sourcePort, leaseMs, budget, bus }) {
    const cache = cacheBuilder(name)
      .memory()
      .redis({ url: redisUrl })
      .bus(bus)
      .lease({ ttl: leaseMs })
      .circuitBreaker({ resetTimeout: 200 })
      .budget(budget)
      .ttl('1h')
      .logger(quiet)
      .build();
    await cache.ready();
    const source = await openSource(sourcePort);
    const recorder = new Recorder(process, cache);
    const lateBy = budget + 250;
    const mine: Running = {
      cache,
      source,
      recorder,
      slot,
      writing: new Set(),
      lateBy,
      deletePlainly: bus !== false && bus.mode === 'tracking' ? (key) => source.deletePlainly(name, key) : undefined,
      stopped: false,
      followed: Promise.resolve(),
    };
    const programs = Array.from({ length: callers }, (_, caller) =>
      follow({ ...mine, random: randomFrom(seed * 1_000 + slot * 100 + caller) }, () => mine.stopped),
    );
    mine.followed = Promise.all(programs);
    mine.followed.catch(fail);
    running = mine;
  },
  async stop() {
    current().stopped = true;
    await current().followed;
    flush();
  },
  async read() {
    const { cache, source, recorder } = current();
    const versions: [string, number][] = [];
    const random = randomFrom(0);
    await recorder.reads(
      allKeys.map((key) => async () => {
        const read = found([[key, await load({ cache, source, recorder, random }, key)]]);
        versions.push(...(read as [string, number][]));
        return read;
      }),
    );
    flush();
    return inOrder(versions);
  },
  newest: async () => inOrder(await current().source.versions(allKeys)),
  async renew() {
    const { cache, source, recorder } = current();
    const floors = await Promise.all(allKeys.map(async (key) => [key, await source.write(key)] as const));
    const sure = await recorder.invalidates('delete of all', floors, () => cache.deleteMany(allKeys));
    flush();
    return sure;
  },
  hang: (key) =>
    new Promise((resolve, reject) => {
      const factory = () => {
        resolve();
        return new Promise(() => undefined);
      };
      current().cache.getOrSet(key, factory, { forceFresh: true }).catch(reject);
    }),
  async state() {
    const { cache, recorder } = current();
    const { bus, circuit } = cache.health();
    const well = (bus?.trusted ?? true) && circuit?.state === 'closed' && !recorder.failedSince(now() - 50);
    return { well, bus: cache.stats().bus };
  },
  async close() {
    flush();
    const { cache, source } = current();
    running = undefined;
    await cache.close();
    source.close();
  },
};

function inOrder(versions: [key: string, version: number][]): [key: string, version: number][] {
  return versions.sort(([a], [b]) => (a < b ? -1 : 1));
}

function fail(error: unknown): void {
  tell({ failure: error instanceof Error ? `${error.stack}` : String(error) });
}

process.on('message', ({ id, name, with: given }: Question) => {
  const answer = answers[name] as (...given: readonly unknown[]) => Promise<unknown>;
  answer(...given).then((value) => tell({ id, answer: value ?? null }), fail);
});
process.on('disconnect', () => process.exit());
process.on('unhandledRejection', fail);
setInterval(flush, 100);
tell({ id: 0, answer: 'ready' });
