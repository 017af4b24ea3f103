import { type Entry, newEntry } from '../entries/entry.js';
import { isDueEarly, isFresh, mayStandIn } from '../entries/freshness.js';
import { type Budget, budgetOf } from './budget.js';
import type { Terms, Upkeep } from './call-options.js';
import { type Away, away, type Core, dropDisproved, keepCopy, keepForOutage, tryL2 } from './core.js';
import { countFound, countStale } from './counting.js';
import type { Flight } from './flight.js';
import type { Found } from './found.js';
import { type RightToFill, takeLease } from './lease.js';
import { type Before, withNamed } from './named-tags.js';
import { outlast } from './outlast.js';
import { inMemory, insteadOfL2, readL2, refusing } from './reads.js';
import { type FactoryRun, isKept, type Kept, type Made, runFactory } from './run-factory.js';
import { slide } from './slide.js';
import { labelsFor } from './versions.js';

export interface Load extends FactoryRun {
  readonly terms: Terms;
  readonly upkeep: Upkeep;
  /** The life that it gives what is there already. */
  readonly sliding: number | undefined;
}

/**
 * One load of one key: everything between an L1 miss and the value. Callers in this process have been joined into the flight
 * already; its ticket is open, so an invalidation from here on marks it.
 */
export async function getOrSet(core: Core, flight: Flight, load: Load): Promise<unknown> {
  const { key } = flight.ticket;
  const { outage } = load.terms;
  const budget = budgetOf(load.terms.budget, core.clock);

  // 1. Somebody may have worked it out already.
  const found = await readTiers(core, flight, load, budget);
  if (!flight.forced) {
    const now = core.clock.now();
    if (isFresh(found.entry, now) && found.entry.stamp !== flight.refreshed) {
      const value = takeFound(core, flight, found, found.entry);
      if (load.sliding !== undefined) slide(core, flight.ticket.space, key, found.entry, load.sliding, load.terms);
      if (!isDueEarly(found.entry, load.upkeep.beta, now, core.random())) return value;
      flight.refreshed = found.entry.stamp;
    }
    // Whoever is content with a stale value has it from here on, and what follows happens in the background.
    core.flights.offer(flight, found.entry, found.tier);
    if (mayStandIn(flight.standIn, core.clock.now()) && mustWait(core, flight)) return takeStale(core, flight, flight.standIn);
  }

  // 2. Of all processes one may fill the key. The others get what it stores, or the stale value while it works.
  const right = await takeLease(core, flight, found, budget);
  if (right.state === 'away') refusing(core, outage);
  if (right.state === 'filled') return takeFound(core, flight, { entry: right.entry, tier: 'l2' }, right.entry);
  countFound(core, flight, { entry: undefined, tier: found.tier });
  if (right.state === 'filling') {
    core.refreshes.putOff(key, right.ms);
    return takeStale(core, flight, right.entry);
  }

  // 3. What the value will depend on is noted before the factory looks at anything: what is invalidated from here on invalidates it too.
  const lasting = core.clock.now() + load.life.ttl + load.life.grace;
  const labels = await budget.spend(async (deadline) =>
    labelsFor(core, flight.ticket.space, load.tags, lasting, right.state === 'away' ? 0 : deadline),
  );
  const before = { labels, anyTag: core.labels.anyTag.version, bumps: core.labels.bumps };

  // 4. The factory runs, unless the time-out or the end of the cache came first: nobody would wait for it.
  if (flight.signal.aborted) {
    await right.lease?.release(budget);
    throw flight.signal.reason;
  }
  let made: Made;
  try {
    made = await runFactory(core, flight, load, right.replaces);
  } catch (error) {
    // A stale value may stand in, and for a while nobody tries again; else the factory's own error reaches every caller untouched.
    const now = core.clock.now();
    if (mayStandIn(flight.standIn, now)) {
      const pause = Math.ceil(Math.min(load.upkeep.errorBackoff, flight.standIn.expiresAt - now));
      core.refreshes.putOff(key, pause);
      await right.lease?.release(budget, 'stale', pause);
      return takeStale(core, flight, flight.standIn);
    }
    await right.lease?.release(budget, 'failed');
    throw error;
  }

  // 5. The value is stored, unless it is not to be, or something newer was acknowledged while it was made.
  if (isKept(made)) await store(core, flight, made, before, right, budget);
  else await right.lease?.release(budget);
  return made.value;
}

async function readTiers(core: Core, { ticket }: Flight, { tags, terms }: Load, budget: Budget): Promise<Found> {
  if (core.l2 === undefined) return inMemory(core, ticket.space, ticket.key);
  const needed = tags.map((tag) => core.labels.tag(tag));
  if (core.labels.namesTags) needed.push(core.labels.anyTag);
  const found = await budget.spend((deadline) => readL2(core, ticket, needed, deadline, terms.outage));
  if (found === away) return insteadOfL2(core, ticket.space, ticket.key, terms.outage);
  if (!isFresh(found.entry, core.clock.now())) dropDisproved(core, ticket, found.entry);
  return found;
}

/** A refresh failed lately, or is being made elsewhere, or too many are: the stale value has to do for now. */
function mustWait({ refreshes }: Core, flight: Flight): boolean {
  return refreshes.isPutOff(flight.ticket.key) || (flight.inBackground && refreshes.overfull);
}

function takeFound(core: Core, flight: Flight, found: Found, entry: Entry): unknown {
  countFound(core, flight, found);
  if (found.tier === 'l2') keepCopy(core, flight.ticket, entry);
  return entry.value;
}

function takeStale(core: Core, flight: Flight, entry: Entry): unknown {
  // Those who waited may have had it already.
  if (flight.overdue || flight.inBackground) return entry.value;
  countFound(core, flight, { entry: undefined, tier: flight.standInTier });
  countStale(core, flight.ticket.key, flight.standInTier);
  return entry.value;
}

async function store(
  core: Core,
  flight: Flight,
  { value, life, cost, tags }: Kept,
  before: Before,
  right: RightToFill,
  budget: Budget,
): Promise<void> {
  const { fence, l2, clock } = core;
  const { key } = flight.ticket;
  if (right.state === 'moving') return;
  const alone = l2 === undefined || right.state === 'away';
  const lasting = clock.now() + life.ttl + life.grace;
  const labels = await budget.spend((deadline) => withNamed(core, flight, before, tags, lasting, deadline, alone));
  if (labels === undefined || fence.isMarked(flight.ticket)) {
    refuse(core, key);
    await right.lease?.release(budget);
    return;
  }
  const entry = newEntry(value, life, clock.now(), { cost, labels });
  // The factory may have named tags, and a longer life.
  if (!alone) {
    await budget.spend((deadline) => outlast(core, labels.tags, entry.expiresAt, deadline));
  }
  const stored = await fill(core, key, entry, right, budget);
  if (stored === false) {
    refuse(core, key);
    return;
  }
  if (stored === away) keepForOutage(core, flight.ticket, entry, flight.outage);
  else keepCopy(core, flight.ticket, entry);
  core.refreshes.forget(key);
  // Reads of this key that are still under way may have seen what was there before.
  fence.mark(key);
}

/** False when L2 refused it as too late. */
async function fill(core: Core, key: string, entry: Entry, right: RightToFill, budget: Budget): Promise<boolean | Away> {
  const { l2 } = core;
  if (right.lease !== undefined) return right.lease.fill(entry, budget);
  if (right.state === 'away' || budget.gone) return away;
  if (l2 === undefined) return true;
  const written = await tryL2(core, 'fill', () => budget.spend((deadline) => l2.write(key, entry, deadline)));
  return written === away ? away : true;
}

function refuse(core: Core, key: string): void {
  core.counters.refusedFills += 1;
  if (core.events.heard['fill:refused']) core.events.emit('fill:refused', { key });
}
