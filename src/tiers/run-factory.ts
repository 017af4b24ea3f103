import type { Factory, FactoryContext } from '../cache.js';
import { nonNegativeMs, positiveMs } from '../duration.js';
import type { Entry, Life } from '../entries/entry.js';
import { inspectValue } from '../entries/portable.js';
import { FactoryFailedError } from '../errors.js';
import { callFactory, factoryOver } from './circular-loads.js';
import type { Core } from './core.js';
import type { Flight } from './flight.js';
import { assertTaggable, tagsIn } from './tags-in.js';

export interface Made {
  readonly value: unknown;
  /** Undefined when the value is to be stored nowhere. */
  readonly life: Life | undefined;
  /** Those that the factory named and the caller had not. */
  readonly tags: readonly string[];
  /** How long the factory ran, ms. */
  readonly cost: number;
}

export interface Kept extends Made {
  readonly life: Life;
}

export function isKept(made: Made): made is Kept {
  return made.life !== undefined;
}

export interface FactoryRun {
  readonly factory: Factory<unknown>;
  /** The key as the user wrote it, without the namespace. */
  readonly userKey: string;
  readonly life: Life;
  readonly tags: readonly string[];
  readonly negativeTtl: number | undefined;
}

/** What `notModified` hands through the factory, of whose type nothing is known. */
const unchanged = Symbol('unchanged');

/**
 * Runs the user's factory once. Whether it throws at once or later, returns at once or later, is all the same.
 * A value that no tier could hold is the factory's failure too.
 */
export async function runFactory(core: Core, flight: Flight, run: FactoryRun, replaced: Entry | undefined): Promise<Made> {
  const { counters, events, clock } = core;
  let chosen: Life = run.life;
  let all = run.tags;
  let skipped = false;
  let negativeTtl = run.negativeTtl;
  const context: FactoryContext = {
    key: run.userKey,
    signal: flight.signal,
    stale: replaced,
    setOptions({ ttl, grace, tags }) {
      if (tags !== undefined) {
        assertTaggable(core);
        all = tagsIn(tags, all);
      }
      if (ttl !== undefined) negativeTtl = undefined;
      chosen = {
        ...chosen,
        ttl: ttl === undefined ? chosen.ttl : positiveMs(ttl, 'ttl'),
        grace: grace === undefined ? chosen.grace : nonNegativeMs(grace, 'grace'),
      };
    },
    skip(value) {
      skipped = true;
      return value;
    },
    notModified() {
      if (replaced === undefined) throw failed(run.userKey, 'notModified(): there is no value to keep. Look at stale first');
      // Those that the factory named when it made the value: it depends on them still.
      if (replaced.tags.length > 0) all = tagsIn(replaced.tags, all);
      return unchanged as never;
    },
    fail(reason) {
      throw failed(run.userKey, reason);
    },
  };
  const key = flight.ticket.key;
  const start = clock.monotonic();
  counters.factoryRuns += 1;
  if (events.heard['factory:start']) events.emit('factory:start', { key });
  try {
    const made = await callFactory(flight, run.factory, context);
    factoryOver(flight, false);
    const value = made === unchanged ? replaced?.value : made;
    const cost = clock.monotonic() - start;
    const kept = !skipped && value !== undefined;
    if (kept) inspectValue(value);
    if (events.heard['factory:end']) events.emit('factory:end', { key, ms: cost });
    if (value === null && negativeTtl !== undefined) chosen = { ...chosen, ttl: negativeTtl };
    return { value, cost, life: kept ? chosen : undefined, tags: all.slice(run.tags.length) };
  } catch (error) {
    factoryOver(flight, true);
    counters.factoryErrors += 1;
    if (events.heard['factory:end']) events.emit('factory:end', { key, ms: clock.monotonic() - start, error });
    throw error;
  }
}

function failed(key: string, reason: string): FactoryFailedError {
  return new FactoryFailedError(`The factory of '${key}' gave up: ${reason}.`, { key });
}
