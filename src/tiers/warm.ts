import type { BatchFactory, SetOptions, WarmEntries, WarmKeys, WarmOptions, WarmReport } from '../cache.js';
import { fullKeyOf } from '../entries/keys.js';
import type { Space } from '../entries/labels.js';
import { ConfigError } from '../errors.js';
import { untilAborted } from '../until-aborted.js';
import { Batch, type Outcome } from './batch.js';
import { type Defaults, entriesIn, signalIn, termsIn } from './call-options.js';
import { assertOpen, type Core } from './core.js';
import { countSet } from './counting.js';
import { type Draft, draftsOf } from './draft.js';
import { commonLoad, loadEach } from './get-or-set-many.js';
import { inBatches } from './in-batches.js';
import { WarmTally } from './warm-tally.js';
import { writeMany } from './writes.js';

type Entry = readonly [key: string, value: unknown, options?: SetOptions];

/** Fills the cache with a batch, and counts what became of each of it. Never rejects because of one of them. */
type Fill<Item> = (space: Space, batch: readonly Item[], tally: WarmTally) => Promise<void>;

type Options = Omit<WarmOptions, 'concurrency' | 'batchSize' | 'onProgress'>;

/** Fills the cache with what a list names or holds, batch by batch, so that a list of any length takes little memory. */
export async function warm(
  core: Core,
  here: () => Space,
  defaults: Defaults,
  list: WarmKeys | WarmEntries,
  given: BatchFactory<unknown> | WarmOptions | undefined,
  last: WarmOptions | undefined,
): Promise<WarmReport> {
  assertOpen(core);
  const factory = typeof given === 'function' ? given : undefined;
  const { concurrency, batchSize, onProgress, ...options } = (factory === undefined ? (given as WarmOptions) : last) ?? {};
  const total = sizeOf(list);
  const fill = factory === undefined ? storing(core, options, defaults) : loading(core, factory, options, defaults);
  const signal = signalIn(options);
  const tally = new WarmTally(core.clock);
  const sizes = { concurrency: countIn('concurrency', concurrency, 4), batchSize: countIn('batchSize', batchSize, 100) };
  const run = async (batch: readonly unknown[]) => {
    assertOpen(core);
    await (fill as Fill<unknown>)(here(), batch, tally);
    tell(false);
  };
  let told = false;
  const tell = (over: boolean) => {
    // A signal does not wait for the batches that are under way.
    if (told) return;
    told = over;
    onProgress?.({ done: tally.done, total, over });
  };
  try {
    const all = inBatches<unknown>(list, sizes, run, signal);
    await (signal === undefined ? all : untilAborted(all, signal));
  } finally {
    tell(true);
  }
  return tally.report();
}

function loading(core: Core, factory: BatchFactory<unknown>, options: Options, defaults: Defaults): Fill<string> {
  const asked = commonLoad(core, options, defaults);
  // What is stale is made anew, however long that takes, and what is fresh is left alone.
  const common = {
    ...asked,
    sliding: undefined,
    upkeep: { ...asked.upkeep, swr: 0, softTimeout: Number.POSITIVE_INFINITY, beta: 0 },
  };
  const forced = options.forceFresh === true;
  return async (space, batch, tally) => {
    const distinct = new Set(batch);
    tally.fresh += batch.length - distinct.size;
    const keys = [...distinct].filter((key) => isKey(space, key, tally));
    const outcomes = new Map<string, Outcome>();
    const many = { batch: new Batch(factory, (key, outcome) => outcomes.set(key, outcome)), common, forced };
    const answers = await loadEach(core, space, keys, { ...many, signal: undefined });
    for (const [index, answer] of (await Promise.allSettled(answers)).entries()) {
      const key = keys[index] as string;
      const outcome = outcomes.get(key);
      if (answer.status === 'rejected') tally.fail(key, answer.reason);
      // Something stale may have stood in.
      else if (outcome?.state === 'failed') tally.fail(key, outcome.error);
      else tally[outcome?.state ?? (answer.value === undefined ? 'missing' : 'fresh')] += 1;
    }
  };
}

function storing(core: Core, options: Options, defaults: Defaults): Fill<Entry> {
  const terms = termsIn(options, defaults);
  draftsOf(core, [], options, defaults);
  return async (space, batch, tally) => {
    const given = new Map<string, Entry>();
    for (const entry of entriesIn('warm', batch)) given.set(entry[0], entry);
    tally.fresh += batch.length - given.size;
    const drafts = new Map<string, Draft>();
    const keys: string[] = [];
    for (const [key, value, own] of given.values()) {
      if (!isKey(space, key, tally)) continue;
      try {
        for (const [fullKey, draft] of draftsOf(core, [[space.prefix + key, value, own]], options, defaults))
          drafts.set(fullKey, draft);
        keys.push(key);
      } catch (error) {
        tally.fail(key, error);
      }
    }
    if (drafts.size === 0) return;
    try {
      await writeMany(core, space, drafts, terms);
    } catch (error) {
      for (const key of keys) tally.fail(key, error);
      return;
    }
    for (const fullKey of drafts.keys()) countSet(core, fullKey);
    tally.loaded += drafts.size;
  };
}

function isKey(space: Space, key: string, tally: WarmTally): boolean {
  try {
    fullKeyOf(space.prefix, key);
    return true;
  } catch (error) {
    tally.fail(key, error);
    return false;
  }
}

function sizeOf(list: WarmKeys | WarmEntries): number | undefined {
  if (Array.isArray(list)) return list.length;
  if (list instanceof Map || list instanceof Set) return list.size;
  if (typeof list === 'object' && list !== null && (Symbol.iterator in list || Symbol.asyncIterator in list)) return undefined;
  throw new ConfigError(
    'warm() takes keys and a factory, such as warm(ids, (missing) => db.byIds(missing)), or entries, such as a Map.',
  );
}

function countIn(name: string, given: number | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (Number.isSafeInteger(given) && given > 0) return given;
  throw new ConfigError(`${name} must be a whole number above 0, got ${String(given)}.`);
}
