import type { Factory, GetOrSetOptions, ReadOptions } from '../cache.js';
import type { Entry } from '../entries/entry.js';
import { isDueEarly } from '../entries/freshness.js';
import type { Space } from '../entries/labels.js';
import { ConfigError } from '../errors.js';
import { type Defaults, slidingIn, termsIn, upkeepIn } from './call-options.js';
import type { Core } from './core.js';
import { countBeyondL1, countStale } from './counting.js';
import { keepingIn } from './draft.js';
import type { FlightPlan } from './flight.js';
import { getOrSet, type Load } from './get-or-set.js';
import { staleInL1 } from './reads.js';
import { type Begin, refresh } from './refresh.js';
import { slide } from './slide.js';

/** What the caller wants loaded, and how. */
export function loadOf(
  core: Core,
  userKey: string,
  factory: Factory<unknown>,
  options: GetOrSetOptions | undefined,
  defaults: Defaults,
): Load {
  if (typeof factory !== 'function') throw new ConfigError('getOrSet() needs a factory: a function that makes the value.');
  const upkeep = upkeepIn(options, defaults);
  return {
    factory,
    userKey,
    upkeep,
    negativeTtl: upkeep.negativeTtl,
    sliding: slidingIn(options, defaults),
    ...keepingIn(core, options, defaults),
    terms: termsIn(options, defaults),
  };
}

export function planOf(space: Space, key: string, { terms, upkeep }: Load, forced: boolean): FlightPlan {
  return { key, space, forced, patience: upkeep, outage: terms.outage };
}

/** What L1 does not have fresh: a stale copy at once, if that will do, else what the load of it gives that runs already or is begun now. */
export async function loadOrJoin(
  core: Core,
  plan: FlightPlan,
  begin: Begin,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const { flights, counters } = core;
  const { key, space, forced, patience, outage } = plan;
  const stale = forced ? undefined : staleInL1(core, space, key, patience.swr);
  if (stale !== undefined) {
    countBeyondL1(core, key, { entry: undefined, tier: 'l1' });
    countStale(core, key, 'l1');
    refresh(core, plan, begin);
    return stale.value;
  }

  const running = flights.joinable(key, space, forced, outage);
  if (running !== undefined) counters.coalesced += 1;
  return flights.wait(running ?? begin(plan), patience, signal);
}

/** Of one key. */
export function beginning(core: Core, load: Load): Begin {
  return (plan) => core.flights.start(plan, (started) => getOrSet(core, started, load));
}

/** What a hit in L1 may lead to, all of it in the background. Rejects where an option is wrong. */
export async function afterHit(
  core: Core,
  space: Space,
  userKey: string,
  entry: Entry,
  factory: Factory<unknown>,
  options: GetOrSetOptions | undefined,
  defaults: Defaults,
): Promise<unknown> {
  const { beta } = upkeepIn(options, defaults);
  slideIn(core, space, userKey, entry, options, defaults);
  if (beta === 0 || !isDueEarly(entry, beta, core.clock.now(), core.random())) return entry.value;
  const load = loadOf(core, userKey, factory, options, defaults);
  const plan = { ...planOf(space, space.prefix + userKey, load, false), refreshed: entry.stamp };
  refresh(core, plan, beginning(core, load));
  return entry.value;
}

/** The value that was read, which has a new life if that is wanted and due. Rejects where an option is wrong. */
export async function slid(
  core: Core,
  space: Space,
  userKey: string,
  entry: Entry,
  options: ReadOptions | undefined,
  defaults: Defaults,
): Promise<unknown> {
  slideIn(core, space, userKey, entry, options, defaults);
  return entry.value;
}

function slideIn(
  core: Core,
  space: Space,
  userKey: string,
  entry: Entry,
  options: ReadOptions | undefined,
  defaults: Defaults,
): void {
  const sliding = slidingIn(options, defaults);
  if (sliding !== undefined) slide(core, space, space.prefix + userKey, entry, sliding, termsIn(options, defaults));
}
