import { cacheBuilder, type TieredCache } from 'tierkeep';
import { eventually } from './eventually.js';
import { type Invalidation, judge, type Read, type Verdict } from './histories/process-history.js';
import { Recorder } from './histories/recorder.js';
import { startWatcher, type Watcher, type WatcherOptions } from './watcher.js';

type Topology = Pick<WatcherOptions, 'cluster' | 'sentinel'>;

export interface Exercise {
  /** Caches of this process: one writes, one loads what is missing. */
  readonly writer: TieredCache;
  readonly watchers: readonly Watcher[];
  /** Resolves when no write is under way; from then on nothing is written but what loads store. */
  pause(): Promise<void>;
  resume(): void;
  /** Resolves when some more was written and all caches trust what they have. */
  wellAgain(): Promise<void>;
  /** Pauses, and resolves when everything was read once more after the bound: what was not heard of would be old by then. */
  atRest(): Promise<void>;
  /** How much was read in earnest and how much was acknowledged, of these keys and since `since` (performance.now). */
  counts(keys: readonly string[]): { readonly reads: number; readonly invalidations: number };
  judge(): Verdict;
  /** Of a cache that hears nothing: what the judge says when there is no bus. */
  judgeDeaf(): Verdict;
  [Symbol.asyncDispose](): Promise<void>;
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * Two processes read with each of the libraries while this one changes, deletes and loads all the time. A value is the version of its
 * key, which only grows.
 */
export async function startExercise(
  topologyOf: (driver: 'ioredis' | 'node-redis') => Topology,
  options: { readonly name: string; readonly keys: readonly string[]; readonly maxStaleness: number },
): Promise<Exercise> {
  const { name, keys, maxStaleness } = options;
  const make = (driver: 'ioredis' | 'node-redis', bus: false | { maxStaleness: number }) => {
    const { cluster, sentinel } = topologyOf(driver);
    const memory = cacheBuilder(name).memory();
    const l2 = cluster === undefined ? memory.sentinel(sentinel ?? {}) : memory.cluster(cluster);
    return l2.bus(bus).circuitBreaker({ resetTimeout: 200 }).budget(300).logger(quiet).build();
  };
  const writer = make('ioredis', { maxStaleness });
  const loader = make('node-redis', { maxStaleness });
  const deaf = make('ioredis', false);
  const caches = [writer, loader, deaf];
  const recorders = {
    writer: new Recorder('writer', writer),
    loader: new Recorder('loader', loader),
    deaf: new Recorder('deaf', deaf),
  };
  const starting = (['ioredis', 'node-redis'] as const).map((driver) =>
    startWatcher({ process: `watcher by ${driver}`, cache: name, maxStaleness, keys, ...topologyOf(driver) }),
  );
  const watchers = await Promise.all(starting);
  await Promise.all(caches.map((cache) => cache.ready()));

  const versions = new Map<string, number>();
  const reads: Read[] = [];
  const deafReads: Read[] = [];
  const told: Invalidation[] = [];
  let paused = false;
  let busy: Promise<unknown> = Promise.resolve();
  let over = false;

  async function change(turn: number): Promise<void> {
    const key = keys[(turn * 7) % keys.length] as string;
    const version = (versions.get(key) ?? 0) + 1;
    versions.set(key, version);
    const run = () => {
      if (turn % 25 === 24) return writer.deletePattern(`${key.slice(0, -1)}[${key.at(-1)}]`);
      return turn % 3 === 0 ? writer.delete(key) : writer.set(key, version);
    };
    await recorders.writer.invalidates(`turn ${turn}`, [[key, version]], run);
    told.push(...recorders.writer.take().invalidations);
  }
  async function write(): Promise<void> {
    for (let turn = 0; !over; turn++) {
      if (!paused) busy = change(turn);
      await busy;
      await pause(4);
    }
  }
  async function stopWriting(): Promise<void> {
    paused = true;
    await busy;
  }
  async function read(cache: TieredCache, recorder: Recorder, into: Read[], every: number): Promise<void> {
    const load = async (key: string) => {
      const found = versions.get(key) ?? 0;
      await pause(1);
      return found;
    };
    for (; !over; await pause(every)) {
      await recorder.reads(keys.map((key) => async () => [[key, await cache.getOrSet(key, () => load(key))]] as const));
      into.push(...recorder.take().reads);
    }
  }
  const running = [write(), read(loader, recorders.loader, reads, 10), read(deaf, recorders.deaf, deafReads, 100)];
  let since = 0;

  return {
    writer,
    watchers,
    pause: stopWriting,
    resume() {
      paused = false;
      since = told.length;
    },
    async wellAgain() {
      const enough = told.length + 50;
      await eventually(() => told.length >= enough, { within: 20_000 });
      await Promise.all(watchers.map((watcher) => watcher.well()));
      for (const cache of [writer, loader]) {
        await eventually(() => cache.health().bus?.trusted === true && cache.health().circuit?.state === 'closed', {
          within: 20_000,
        });
      }
    },
    async atRest() {
      await stopWriting();
      await pause(maxStaleness);
      await Promise.all(watchers.map((watcher) => watcher.well()));
      await Promise.all(watchers.map((watcher) => watcher.well()));
    },
    counts(some) {
      const from = told[since]?.acknowledged ?? Number.POSITIVE_INFINITY;
      const among = new Set(some);
      const all = [...watchers.flatMap((watcher) => watcher.reads)];
      return {
        reads: all.filter(({ key, began, excused }) => among.has(key) && began >= from && !excused).length,
        invalidations: told.slice(since).filter(({ floors, excused }) => !excused && among.has(floors[0]?.[0] ?? '')).length,
      };
    },
    judge: () =>
      judge({ reads: [...reads, ...watchers.flatMap((watcher) => watcher.reads)], invalidations: told }, maxStaleness),
    judgeDeaf: () => judge({ reads: deafReads, invalidations: told }, maxStaleness),
    async [Symbol.asyncDispose]() {
      over = true;
      await Promise.all(running);
      await Promise.all([...watchers.map((watcher) => watcher.stop()), ...caches.map((cache) => cache.close())]);
    },
  };
}
