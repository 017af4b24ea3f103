import type { GetOrSetOptions, TieredCache } from '../cache.js';
import { cloneValue } from '../entries/clone-value.js';
import { checkKey } from '../entries/keys.js';
import type { Space } from '../entries/labels.js';
import { UnsupportedError } from '../errors.js';
import type {
  DeleteFromSourceOptions,
  Source,
  SourceContext,
  SourcedCache,
  SourceOptions,
  SourceWriteOptions,
  WritableSource,
} from '../sourced-cache.js';
import { untilAborted } from '../until-aborted.js';
import { type Defaults, entriesIn, keysIn, signalIn, type Terms, termsIn, upkeepIn } from './call-options.js';
import { assertOpen, type Core } from './core.js';
import { countDelete, countSet } from './counting.js';
import { type Draft, draftsOf } from './draft.js';
import { sourcePlanIn } from './source-options.js';
import { type QueuedWrite, WriteBehind } from './write-behind.js';
import { removeThrough, type SourceWrite, writeThrough } from './write-through.js';
import { removeMany, writeMany } from './writes.js';

/** The view of the cache that the source is behind. */
export interface Front {
  readonly cache: TieredCache;
  readonly core: Core;
  readonly defaults: Defaults;
  here(): Space;
}

type Given = readonly (readonly [key: string, value: unknown])[];

/** The cache and its source as one. Reads are `getOrSet`; writes go by the policy. */
export function sourcedCache<T>(
  front: Front,
  source: Source<T> | WritableSource<T>,
  options: SourceOptions | undefined,
): SourcedCache<T> {
  const { cache, core, defaults } = front;
  const { write, behind } = sourcePlanIn(source, options);
  assertOpen(core);
  const written = source as WritableSource<T>;
  const queue = write === 'behind' ? queueFor(front, written, behind) : undefined;
  const fullKey = (key: string) => {
    checkKey(key);
    const full = front.here().prefix + key;
    checkKey(full);
    return full;
  };

  function load(key: string, options: GetOrSetOptions | undefined): Promise<T | undefined> {
    return cache.getOrSet<T | undefined>(key, (context) => source.load(key, context), options);
  }

  async function loadMany(keys: readonly string[], options: GetOrSetOptions | undefined): Promise<Map<string, T>> {
    if (source.loadMany !== undefined) {
      return cache.getOrSetMany<T>(
        keys,
        async (missing, context) => (await source.loadMany?.(missing, context)) ?? [],
        options,
      );
    }
    const values = await Promise.all(keys.map((key) => load(key, options)));
    return new Map(keys.flatMap((key, index) => (values[index] === undefined ? [] : [[key, values[index] as T] as const])));
  }

  /** What is queued is newer than what the source has, and may have left the tiers. */
  function queued(key: unknown): QueuedWrite | undefined {
    return queue === undefined || queue.pending === 0 || typeof key !== 'string'
      ? undefined
      : queue.find(front.here().prefix + key);
  }

  function shown(found: QueuedWrite): T | undefined {
    return found.draft === undefined ? undefined : (core.local.handOut(found.draft.value) as T);
  }

  async function call<R>(
    options: SourceWriteOptions | undefined,
    run: (terms: Terms, hardTimeout: number) => Promise<R>,
  ): Promise<R> {
    assertOpen(core);
    const terms = termsIn(options, defaults);
    const { hardTimeout } = upkeepIn(options, defaults);
    const signal = signalIn(options);
    return signal === undefined ? run(terms, hardTimeout) : untilAborted(run(terms, hardTimeout), signal);
  }

  function setAll(given: Given, options: SourceWriteOptions | undefined): Promise<void> {
    return call(options, async (terms, hardTimeout) => {
      const entries = given.map(([key, value]) => [fullKey(key), value] as const);
      const drafts = draftsOf(core, entries, options, defaults);
      const userKeys = new Map(given.map(([key]) => [fullKey(key), key]));
      if (drafts.size === 0) return;
      if (write === 'none') await writeMany(core, front.here(), drafts, terms);
      else if (queue === undefined) {
        await writeNow(front, written, drafts, userKeys, { terms, hardTimeout, overtime: 0, afterFailure: 'drop' });
      } else {
        queue.assertRoom([...drafts.keys()]);
        const writes = Array.from(drafts, ([key, draft]) => queuedWrite(key, userKeys, draft));
        await queue.add(writes, () => writeMany(core, front.here(), drafts, journalled(terms)));
      }
      for (const key of drafts.keys()) countSet(core, key);
    });
  }

  function deleteAll(keys: readonly string[], options: DeleteFromSourceOptions | undefined): Promise<void> {
    return call(options, async (terms, hardTimeout) => {
      const fullKeys = keys.map(fullKey);
      if (fullKeys.length === 0) return;
      if (write === 'none') await removeMany(core, fullKeys, terms);
      else {
        assertRemovable(written);
        const userKeys = new Map(keys.map((key, index) => [fullKeys[index] as string, key]));
        if (queue === undefined) await eachRemoved(front, written, userKeys, terms, { hardTimeout, overtime: 0 });
        else {
          queue.assertRoom(fullKeys);
          const writes = fullKeys.map((key) => queuedWrite(key, userKeys, undefined));
          await queue.add(writes, () => removeMany(core, fullKeys, journalled(terms)));
        }
      }
      for (const key of fullKeys) countDelete(core, key);
    });
  }

  return {
    async get(key, options) {
      const found = queued(key);
      if (found === undefined) return load(key, options);
      assertOpen(core);
      signalIn(options);
      return shown(found);
    },
    async getMany(keys, options) {
      const asked = keysIn('getMany', keys);
      const waiting = new Map(asked.flatMap((key) => queued(key) ?? []).map((found) => [found.userKey, shown(found)]));
      const loaded = await loadMany(
        asked.filter((key) => !waiting.has(key)),
        options,
      );
      const value = (key: string) => (waiting.has(key) ? waiting.get(key) : loaded.get(key));
      return new Map(asked.flatMap((key) => (value(key) === undefined ? [] : [[key, value(key) as T] as const])));
    },
    set: (key, value, options) => setAll([[key, value]], options),
    setMany: async (entries, options) => setAll(entriesIn('setMany', entries), options),
    delete: (key, options) => deleteAll([key], options),
    deleteMany: async (keys, options) => deleteAll(keysIn('deleteMany', keys), options),
    async flush() {
      await queue?.flush();
    },
    get pending() {
      return queue?.pending ?? 0;
    },
  };
}

type Times = Pick<SourceWrite, 'hardTimeout' | 'overtime' | 'ended'>;

interface HowWritten extends Times {
  readonly terms: Terms;
  /** Of a batch. */
  readonly afterFailure: SourceWrite['afterFailure'];
}

/** By `saveMany` in one call, else key by key, each on its own. */
async function writeNow<T>(
  front: Front,
  source: WritableSource<T>,
  drafts: ReadonlyMap<string, Draft>,
  userKeys: ReadonlyMap<string, string>,
  { terms, hardTimeout, overtime, ended, afterFailure }: HowWritten,
): Promise<void> {
  const { core } = front;
  const times = { hardTimeout, overtime, ended };
  const nameOf = (key: string) => userKeys.get(key) as string;
  if (drafts.size > 1 && source.saveMany !== undefined) {
    const values = new Map(Array.from(drafts, ([key, { value }]) => [nameOf(key), value as T]));
    const run = (context: SourceContext) => source.saveMany?.(values, context);
    // Two batches that have half of their leases each would wait for one another.
    await writeThrough(core, front.here(), drafts, { run, ...times, leaseWait: 0, afterFailure }, terms);
    return;
  }
  const leaseWait = Math.min(terms.budget, hardTimeout);
  await allOf(drafts, ([key, draft]) => {
    const run = (context: SourceContext) => source.save(nameOf(key), draft.value as T, context);
    return writeThrough(core, front.here(), new Map([[key, draft]]), { run, ...times, leaseWait, afterFailure: 'keep' }, terms);
  });
}

async function eachRemoved<T>(
  { core }: Front,
  source: WritableSource<T>,
  userKeys: ReadonlyMap<string, string>,
  terms: Terms,
  times: Times,
): Promise<void> {
  await allOf(userKeys, ([key, userKey]) => {
    const run = (context: SourceContext) => source.remove?.(userKey, context);
    return removeThrough(core, [key], { run, ...times, leaseWait: 0, afterFailure: 'keep' }, terms);
  });
}

/** All of them are done, or have failed, when the first of their errors is told. */
async function allOf<Item>(items: Iterable<Item>, run: (item: Item) => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled(Array.from(items, run));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** What is queued is told to the source when its time has come, as a write through the cache: so writers elsewhere cannot leave another value cached. */
function queueFor<T>(
  front: Front,
  source: WritableSource<T>,
  settings: ReturnType<typeof sourcePlanIn>['behind'],
): WriteBehind {
  const { core, defaults } = front;
  const { events } = core;
  const { hardTimeout } = defaults;
  const terms = journalled(defaults);
  const queue = new WriteBehind({
    clock: core.clock,
    random: core.random,
    settings,
    batches: source.saveMany !== undefined,
    write(batch, ended) {
      const userKeys = new Map(batch.map(({ key, userKey }) => [key, userKey]));
      const drafts = new Map(batch.flatMap(({ key, draft }) => (draft === undefined ? [] : [[key, draft] as const])));
      // What overruns its time may still reach the source: the next write of the key had better come after it.
      const overtime = hardTimeout;
      return drafts.size === 0
        ? eachRemoved(front, source, userKeys, terms, { hardTimeout, overtime, ended })
        : writeNow(front, source, drafts, userKeys, { terms, hardTimeout, overtime, ended, afterFailure: 'keep' });
    },
    onFailure(batch, error) {
      if (events.heard['source:error']) events.emit('source:error', { keys: batch.map(({ key }) => key), error });
    },
    onUnwritten(left, error) {
      if (!events.heard['source:unwritten']) return;
      const values = new Map(left.flatMap(({ key, draft }) => (draft === undefined ? [] : [[key, draft.value] as const])));
      const removed = left.filter(({ draft }) => draft === undefined).map(({ key }) => key);
      events.emit('source:unwritten', { values, removed, error });
    },
  });
  core.underWay.queues.add(queue);
  return queue;
}

/** The value as it is now: what the caller does with it afterwards is not what was set. */
function queuedWrite(key: string, userKeys: ReadonlyMap<string, string>, draft: Draft | undefined): QueuedWrite {
  const kept = draft && { ...draft, value: cloneValue(draft.value) };
  return { key, userKey: userKeys.get(key) as string, draft: kept };
}

/** The queue has it and the journal tells L2, so an outage of L2 is no failure. */
function journalled(terms: Terms): Terms {
  const { budget, outage } = terms;
  return { budget, outage: outage === 'throw' ? 'serve' : outage };
}

function assertRemovable<T>(source: WritableSource<T>): void {
  if (source.remove !== undefined) return;
  throw new UnsupportedError(
    'The source has no remove(key), so nothing can be deleted from it. To drop what is cached call delete() of the cache itself.',
  );
}
