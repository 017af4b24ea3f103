import { type Entry, newEntry } from '../entries/entry.js';
import { isFresh, mayStandIn } from '../entries/freshness.js';
import { type Budget, budgetOf } from './budget.js';
import { away, type Core, keepCopy, keepForOutage, tryL2 } from './core.js';
import { countBeyondL1 } from './counters.js';
import type { Flight } from './flights.js';
import { type HeldLease, takeLease } from './lease.js';
import { type FactoryRun, type Made, runFactory } from './run-factory.js';

export interface Load extends FactoryRun {
  /** What this load may spend on L2, ms. */
  readonly budget: number;
}

/**
 * One load of one key: everything between an L1 miss and the value. Callers in this process have been joined into the flight
 * already; its ticket is open, so an invalidation from here on marks it.
 */
export async function getOrSet(core: Core, flight: Flight, load: Load): Promise<unknown> {
  const budget = budgetOf(load.budget, core.clock);

  // 1. Somebody may have worked it out already.
  const found = await readTiers(core, flight, budget);
  if (!flight.forced) {
    if (isFresh(found, core.clock.now())) return takeFound(core, flight, found);
    flight.standIn = found;
  }

  // 2. Of all processes one may fill the key. The others get what it stores, or the stale value while it works.
  const right = await takeLease(core, flight, found, budget);
  if (right.state === 'found' && !right.stale) return takeFound(core, flight, right.entry);
  countBeyondL1(core, flight.ticket.key, undefined);
  if (right.state === 'found') return takeStale(core, right.entry);
  const lease = right.state === 'leased' ? right.lease : undefined;

  // 3. The factory runs. If it fails, a stale value may stand in; else its own error reaches every caller untouched.
  let made: Made;
  try {
    made = await runFactory(core, flight, load, found);
  } catch (error) {
    await lease?.release(budget);
    if (!mayStandIn(flight.standIn, core.clock.now())) throw error;
    return takeStale(core, flight.standIn);
  }

  // 4. The value is stored, unless it is not to be, or something newer was acknowledged while it was made.
  if (made.life === undefined) {
    await lease?.release(budget);
  } else {
    const entry = newEntry(made.value, made.life, core.clock.now(), made.cost);
    await store(core, flight, entry, right.state, lease, budget);
  }
  return made.value;
}

async function readTiers(core: Core, flight: Flight, budget: Budget): Promise<Entry | undefined> {
  const { l2, local } = core;
  const key = flight.ticket.key;
  if (l2 === undefined) return local.get(key);
  const found = await tryL2(core, 'read', () => budget.spend((deadline) => l2.read(key, deadline)));
  // What memory keeps counts only while L2 cannot be asked: L2 may have been told to forget it.
  return found === away ? local.get(key) : found;
}

function takeFound(core: Core, flight: Flight, entry: Entry): unknown {
  countBeyondL1(core, flight.ticket.key, entry);
  keepCopy(core, flight.ticket, entry);
  return entry.value;
}

function takeStale(core: Core, entry: Entry): unknown {
  core.counters.staleServed += 1;
  return entry.value;
}

async function store(
  core: Core,
  flight: Flight,
  entry: Entry,
  right: 'leased' | 'unleased' | 'away',
  lease: HeldLease | undefined,
  budget: Budget,
): Promise<void> {
  const { l2, fence } = core;
  const { key } = flight.ticket;
  if (fence.isMarked(flight.ticket) || flight.abandoned) {
    refuse(core, key);
    await lease?.release(budget);
    return;
  }
  const stored = await tryL2(core, 'fill', async () => {
    if (lease !== undefined) return lease.fill(entry, budget);
    if (right === 'away') return away;
    if (l2 !== undefined) await budget.spend((deadline) => l2.write(key, entry, deadline));
    return true;
  });
  if (stored === false) {
    refuse(core, key);
    return;
  }
  if (stored === away) keepForOutage(core, flight.ticket, entry);
  else keepCopy(core, flight.ticket, entry);
  // Reads of this key that are still under way may have seen what was there before.
  fence.mark(key);
}

function refuse(core: Core, key: string): void {
  core.counters.refusedFills += 1;
  if (core.events.heard['fill:refused']) core.events.emit('fill:refused', { key });
}
