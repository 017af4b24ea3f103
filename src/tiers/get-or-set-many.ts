import type { BatchFactory, GetOrSetOptions } from '../cache.js';
import { isDueEarly } from '../entries/freshness.js';
import { fullKeyOf } from '../entries/keys.js';
import type { Space } from '../entries/labels.js';
import { ConfigError } from '../errors.js';
import { atOnce, Batch } from './batch.js';
import { type Defaults, keysIn, signalIn } from './call-options.js';
import { assertOpen, type Core } from './core.js';
import { countL1Hit } from './counting.js';
import { getOrSet, type Load } from './get-or-set.js';
import { loadOf, loadOrJoin, planOf } from './load.js';
import { freshInL1 } from './reads.js';
import { type Begin, refresh } from './refresh.js';
import { slide } from './slide.js';

/**
 * The values of many keys, and one run of the factory for those that are missing. Up to 500 are read in one turn of the event loop, which makes
 * one round trip per node of it, and the same goes for their leases and fills.
 */
export async function getOrSetMany<T>(
  core: Core,
  space: Space,
  keys: Iterable<string>,
  factory: BatchFactory<unknown>,
  options: GetOrSetOptions | undefined,
  defaults: Defaults,
): Promise<Map<string, T>> {
  const asked = keysIn('getOrSetMany', keys);
  for (const key of asked) fullKeyOf(space.prefix, key);
  if (typeof factory !== 'function') throw new ConfigError('getOrSetMany() needs a factory: a function that makes the values.');
  const signal = signalIn(options);
  // Options are checked once, and before anything begins.
  const common = commonLoad(core, options, defaults);
  const many = { batch: new Batch(factory), common, forced: options?.forceFresh === true, signal };
  const values = await Promise.all(await loadEach(core, space, asked, many));
  const answer = new Map<string, T>();
  for (const [index, key] of asked.entries()) if (values[index] !== undefined) answer.set(key, values[index] as T);
  return answer;
}

/** Many loads that one call wants. */
export interface ManyLoads {
  readonly batch: Batch;
  /** What is the same for all of them. */
  readonly common: Load;
  readonly forced: boolean;
  readonly signal: AbortSignal | undefined;
}

export function commonLoad(core: Core, options: GetOrSetOptions | undefined, defaults: Defaults): Load {
  return loadOf(core, '', noFactory, options, defaults);
}

/** The value of each key, or the promise of it. Up to so many of them begin in one turn. */
export async function loadEach(
  core: Core,
  space: Space,
  keys: readonly string[],
  many: ManyLoads,
): Promise<readonly unknown[]> {
  const { batch, signal } = many;
  const answers: unknown[] = [];
  try {
    for (const key of keys) {
      if (answers.length > 0 && answers.length % atOnce === 0) {
        await batch.decided();
        assertOpen(core);
        signal?.throwIfAborted();
      }
      const answer = loadOne(core, space, key, many);
      // It may fail before the last one has begun.
      if (answer instanceof Promise) answer.catch(() => undefined);
      answers.push(answer);
    }
  } finally {
    batch.allBegun();
  }
  return answers;
}

function loadOne(core: Core, space: Space, key: string, { batch, common, forced, signal }: ManyLoads): unknown {
  const load = { ...common, userKey: key };
  const plan = planOf(space, space.prefix + key, load, forced);
  const begin = beginningIn(core, batch, load);
  const copy = forced ? undefined : freshInL1(core, space, plan.key, plan.outage);
  // Which rejects where it would throw: the loads of other keys have begun by then, and somebody has to wait for them.
  if (copy === undefined) return loadOrJoin(core, plan, begin, signal);
  countL1Hit(core, plan.key);
  if (load.sliding !== undefined) slide(core, space, plan.key, copy, load.sliding, load.terms);
  const { beta } = load.upkeep;
  if (beta !== 0 && isDueEarly(copy, beta, core.clock.now(), core.random())) {
    refresh(core, { ...plan, refreshed: copy.stamp }, begin);
  }
  return copy.value;
}

function beginningIn(core: Core, batch: Batch, load: Load): Begin {
  return (plan) =>
    batch.load(load.userKey, (factory, onWaiting) =>
      core.flights.start({ ...plan, onWaiting }, (started) => getOrSet(core, started, { ...load, factory })),
    );
}

function noFactory(): never {
  throw new Error('each load of a batch has its own');
}
