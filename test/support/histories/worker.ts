import type { BusOptions, BusStats, TieredCache } from 'tierkeep';
import { cacheOver, type L2 } from './cache-over.js';
import { forgetful } from './forgetful.js';
import { type KeySpace, type KeySpaceOptions, keySpace } from './key-space.js';
import { countLostTime } from './lost-time.js';
import type { ProcessHistory } from './process-history.js';
import { type Caller, follow, found, load } from './program.js';
import { randomFrom } from './random.js';
import { now, Recorder } from './recorder.js';
import { openSource } from './source.js';

export interface RunOptions {
  readonly name: string;
  readonly process: string;
  readonly slot: number;
  readonly seed: number;
  readonly callers: number;
  readonly l2: L2;
  readonly keys?: KeySpaceOptions;
  readonly sourcePort: number;
  readonly bus: BusOptions | false;
  readonly leaseMs: number;
  readonly budget: number;
  readonly outageTtl?: number;
  /** Whether some delete as programs do that do not know Tierkeep: in the server of the source. Default false. */
  readonly plainly?: boolean;
  /** What is done while L2 is away counts from when L2 has it, and not as excused. Default false. */
  readonly journal?: boolean;
  /** Breaks the cache: what L2 does not take is forgotten. Default false. */
  readonly forgets?: boolean;
}

/** What there is in a process at rest. */
export interface Footprint {
  readonly pid: number;
  /** After a garbage collection, bytes. */
  readonly heap: number;
  /** How many there are of each kind of what keeps a process alive: sockets, timers. */
  readonly resources: Record<string, number>;
  /** Of the process itself. */
  readonly listeners: number;
}

/** What the parent asks of a process; each is answered once. */
export interface Asked {
  start(options: RunOptions): Promise<void>;
  /** Ends the programs. */
  stop(): Promise<void>;
  /** Begins them again. */
  go(): Promise<void>;
  /** The version of each key as everybody reads it. */
  read(): Promise<[key: string, version: number][]>;
  /** What is true of each key. */
  newest(): Promise<[key: string, version: number][]>;
  /** Writes the source of each key and deletes it. False when L2 failed. */
  renew(): Promise<boolean>;
  /** Begins to load a key and never ends; answered when the factory runs. */
  hang(key: string): Promise<void>;
  state(): Promise<State>;
  footprint(): Promise<Footprint>;
  close(): Promise<void>;
  /** Nothing keeps it alive any more but what the cache has left behind, so it ends as soon as the parent lets it go. */
  leave(): Promise<Footprint>;
}

export interface State {
  /** L2 can be asked, copies are trusted, and nothing is to be told to L2. */
  readonly well: boolean;
  readonly why: string;
  readonly bus: BusStats | undefined;
}

export interface Question {
  readonly id: number;
  readonly name: keyof Asked;
  readonly with: readonly unknown[];
}
export type ToParent =
  | { readonly history: ProcessHistory }
  | { readonly id: number; readonly answer: unknown }
  | { readonly warning: string }
  | { readonly failure: string };

interface Running extends Omit<Caller, 'random'> {
  readonly cache: TieredCache;
  readonly keys: KeySpace;
  begin(): void;
  followed: Promise<unknown>;
  stopped: boolean;
}

const tell = (message: ToParent) => process.send?.(message);
const lostTime = countLostTime();
let running: Running | undefined;

function current(): Running {
  if (running === undefined) throw new Error('nothing was started');
  return running;
}

function flush(): void {
  if (running !== undefined) tell({ history: running.recorder.take() });
}

const answers: Asked = {
  async start({
    name,
    process,
    slot,
    seed,
    callers,
    l2,
    keys: keyOptions,
    sourcePort,
    bus,
    budget,
    plainly,
    journal,
    forgets,
    ...options
  }) {
    const whole = cacheOver(name, l2, { bus, budget, ...options });
    const cache = forgets ? forgetful(whole) : whole;
    await cache.ready();
    const source = await openSource(sourcePort);
    const recorder = new Recorder(process, cache, {
      ...(journal !== undefined && { journal }),
      budget,
      lostTime: lostTime.lost,
    });
    const lateBy = budget + 250;
    let turn = 0;
    const mine: Running = {
      cache,
      source,
      recorder,
      keys: keySpace(keyOptions),
      slot,
      writing: new Set(),
      lateBy,
      deletePlainly: plainly ? (key) => source.deletePlainly(name, key) : undefined,
      stopped: false,
      followed: Promise.resolve(),
      begin() {
        mine.stopped = false;
        turn += 1;
        const randomOf = (caller: number) => randomFrom(seed * 1_000 + turn * 10_000 + slot * 100 + caller);
        const programs = Array.from({ length: callers }, (_, caller) =>
          follow({ ...mine, random: randomOf(caller) }, () => mine.stopped),
        );
        mine.followed = Promise.all(programs);
        mine.followed.catch(fail);
      },
    };
    mine.begin();
    running = mine;
  },
  async stop() {
    current().stopped = true;
    await current().followed;
    flush();
  },
  async go() {
    current().begin();
  },
  async read() {
    const { cache, source, recorder, keys } = current();
    const versions: [string, number][] = [];
    const random = randomFrom(0);
    await recorder.reads(
      keys.all.map((key) =>
        recorder.call('getOrSet', async (call) => {
          const read = found([[key, await load({ cache, source, recorder, random }, key, call)]]);
          versions.push(...(read as [string, number][]));
          return read;
        }),
      ),
    );
    flush();
    return inOrder(versions);
  },
  newest: async () => inOrder(await current().source.versions(current().keys.all)),
  async renew() {
    const { cache, source, recorder, keys } = current();
    const floors = await Promise.all(keys.all.map(async (key) => [key, await source.write(key)] as const));
    const sure = await recorder.invalidates('delete of all', floors, () => cache.deleteMany(keys.all));
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
    const { bus, circuit, journal } = cache.health();
    const why = [
      ...(bus?.trusted === false ? [`no trust: ${bus.reason}`] : []),
      ...(circuit?.state === 'closed' ? [] : [`the circuit is ${circuit?.state}: ${circuit?.lastError}`]),
      ...(recorder.failedSince(now() - 50) ? ['L2 failed just now'] : []),
      ...(journal === undefined || journal.names === 0 ? [] : [`in the journal: ${JSON.stringify(journal)}`]),
    ];
    return { well: why.length === 0, why: why.join(', '), bus: cache.stats().bus };
  },
  async footprint() {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
    const resources: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
    const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    return { pid: process.pid, heap: process.memoryUsage().heapUsed, resources, listeners };
  },
  async close() {
    flush();
    const { cache, source } = current();
    running = undefined;
    await cache.close();
    source.close();
  },
  async leave() {
    clearInterval(flushing);
    lostTime.stop();
    process.off('disconnect', end);
    return answers.footprint();
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
const end = () => process.exit();
process.on('disconnect', end);
process.on('unhandledRejection', fail);
process.on('warning', (warning) => tell({ warning: `${warning.stack ?? warning}` }));
const flushing = setInterval(flush, 100);
tell({ id: 0, answer: 'ready' });
