import type { BatchFactory, GetOrSetOptions } from '../cache.js';
import { checkKey } from '../entries/keys.js';
import type { Space } from '../entries/labels.js';
import { ConfigError } from '../errors.js';
import { Batch } from './batch.js';
import { type Defaults, keysIn, signalIn } from './call-options.js';
import type { Core } from './core.js';
import { countBeyondL1, countL1Hit, countStale } from './counting.js';
import type { FlightPlan } from './flight.js';
import { getOrSet, type Load } from './get-or-set.js';
import { loadOf, planOf } from './load.js';
import { freshInL1, staleInL1 } from './reads.js';

/**
 * The values of many keys, and one run of the factory for those that are missing. They are read in one turn of the event loop, which makes one
 * round trip per node of it, and the same goes for their leases and fills.
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
  for (const key of asked) {
    checkKey(key);
    checkKey(space.prefix + key);
  }
  if (typeof factory !== 'function') throw new ConfigError('getOrSetMany() needs a factory: a function that makes the values.');
  const batch = new Batch(factory);
  const signal = signalIn(options);
  const forced = options?.forceFresh === true;
  // Options are checked once, and before anything begins.
  const common = loadOf(core, '', noFactory, options, defaults);
  const found = asked.map((key) => {
    const fullKey = space.prefix + key;
    const copy = forced ? undefined : freshInL1(core, space, fullKey, common.terms.outage);
    if (copy === undefined)
      return oneOf(core, batch, planOf(space, fullKey, common, forced), { ...common, userKey: key }, signal);
    countL1Hit(core, fullKey);
    return copy.value;
  });
  const values = await Promise.all(found);
  const answer = new Map<string, T>();
  for (const [index, key] of asked.entries()) if (values[index] !== undefined) answer.set(key, values[index] as T);
  return answer;
}

function oneOf(core: Core, batch: Batch, plan: FlightPlan, load: Load, signal: AbortSignal | undefined): unknown {
  const { flights, refreshes, counters } = core;
  const { key, space, forced, patience, outage } = plan;
  const begin = (unattended: boolean) =>
    batch.load(load.userKey, (factory, onWaiting) =>
      flights.start({ ...plan, unattended, onWaiting }, (started) => getOrSet(core, started, { ...load, factory })),
    );

  const stale = forced ? undefined : staleInL1(core, space, key, patience.swr);
  if (stale !== undefined) {
    countBeyondL1(core, key, { entry: undefined, tier: 'l1' });
    countStale(core, key, 'l1');
    if (!refreshes.full && !refreshes.isPutOff(key) && !flights.has(key, outage)) begin(true);
    return stale.value;
  }
  const running = flights.joinable(key, space, forced, outage);
  if (running !== undefined) counters.coalesced += 1;
  return flights.wait(running ?? begin(false), patience, signal);
}

function noFactory(): never {
  throw new Error('each load of a batch has its own');
}
