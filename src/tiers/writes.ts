import { type Entry, newEntry } from '../entries/entry.js';
import { freshnessOf, isFresh } from '../entries/freshness.js';
import { compileGlob } from '../entries/glob.js';
import { CircuitOpenError, InvalidValueError } from '../errors.js';
import { alwaysCounts } from '../store.js';
import { askL2, away, type Core, copyOf, keepForOutage, tryL2 } from './core.js';
import type { Ticket } from './fence.js';

/**
 * Every write follows one order: open a ticket, tell L2, then settle memory. Settling marks whatever else is under way for the key,
 * whether the reply was good, an error or a time-out, since after it nothing that began before may be stored.
 */
export async function write(core: Core, key: string, entry: Entry, budget: number): Promise<void> {
  const { l2, fence, clock } = core;
  const ticket = fence.open(key);
  try {
    const written =
      l2 === undefined ? undefined : await tryL2(core, 'write', () => l2.write(key, entry, clock.monotonic() + budget));
    settleWrite(core, ticket, entry, written === away);
  } finally {
    fence.close(ticket);
  }
}

export async function writeMany(core: Core, entries: ReadonlyMap<string, Entry>, budget: number): Promise<void> {
  const { l2, fence, clock } = core;
  const tickets = Array.from(entries.keys(), (key) => fence.open(key));
  try {
    const written =
      l2 === undefined ? undefined : await tryL2(core, 'writeMany', () => l2.writeMany(entries, clock.monotonic() + budget));
    for (const ticket of tickets) settleWrite(core, ticket, entries.get(ticket.key) as Entry, written === away);
  } finally {
    for (const ticket of tickets) fence.close(ticket);
  }
}

/** Atomic over all processes, so it is L2's word or none: an outage is thrown. */
export async function writeIfAbsent(core: Core, key: string, entry: Entry, budget: number): Promise<boolean> {
  const { l2, fence, clock, local } = core;
  if (l2 === undefined) {
    if (isFresh(local.get(key), clock.now())) return false;
    local.put(key, copyOf(entry, core.trust.current));
    fence.mark(key);
    return true;
  }
  const ticket = fence.open(key);
  try {
    const written = await askL2(core, 'writeIfAbsent', () =>
      l2.writeIfAbsent(key, entry, clock.monotonic() + budget, alwaysCounts),
    );
    if (written) settleWrite(core, ticket, entry, false);
    return written;
  } catch (error) {
    if (mayHaveHappened(error)) forget(core, key);
    throw error;
  } finally {
    fence.close(ticket);
  }
}

export async function remove(core: Core, key: string, budget: number): Promise<boolean> {
  const { l2, clock } = core;
  const wasInMemory = forget(core, key);
  if (l2 === undefined) return wasInMemory;
  const removed = await settling(
    () => tryL2(core, 'remove', () => l2.remove(key, clock.monotonic() + budget)),
    () => forget(core, key),
  );
  return removed === away ? wasInMemory : removed;
}

export async function removeMany(core: Core, keys: readonly string[], budget: number): Promise<number> {
  const { l2, clock } = core;
  const inMemory = forgetMany(core, keys);
  if (l2 === undefined) return inMemory;
  const removed = await settling(
    () => tryL2(core, 'removeMany', () => l2.removeMany(keys, clock.monotonic() + budget)),
    () => forgetMany(core, keys),
  );
  return removed === away ? inMemory : removed;
}

export async function removeMatching(core: Core, prefix: string, glob: string, budget: number): Promise<number> {
  const { l2, clock } = core;
  const matches = compileGlob(glob);
  const forgetMatching = () => {
    const count = core.local.deleteMatching(prefix, matches, (entry) => freshnessOf(entry, clock.now()) !== 'expired');
    core.fence.markAll();
    return count;
  };
  const inMemory = forgetMatching();
  if (l2 === undefined) return inMemory;
  const removed = await settling(
    () => tryL2(core, 'removeMatching', () => l2.removeMatching(prefix, glob, () => clock.monotonic() + budget)),
    forgetMatching,
  );
  return removed === away ? inMemory : removed;
}

/** What a shorter life means for copies elsewhere only L2 can say, so an outage is thrown. */
export async function expire(core: Core, key: string, ttl: number, budget: number): Promise<boolean> {
  const { l2, local, clock } = core;
  const freshUntil = clock.now() + ttl;
  if (l2 !== undefined) {
    return settling(
      () => askL2(core, 'expire', () => l2.expire(key, freshUntil, clock.monotonic() + budget, alwaysCounts)),
      () => forget(core, key),
    );
  }
  const entry = local.get(key);
  if (!isFresh(entry, clock.now())) return false;
  const grace = entry.expiresAt === entry.freshUntil ? 0 : entry.expiresAt - entry.freshUntil;
  core.fence.mark(key);
  local.put(key, { ...entry, freshUntil, expiresAt: freshUntil + grace });
  return true;
}

export async function increment(
  core: Core,
  key: string,
  by: number,
  life: { ttl: number; grace: number },
  budget: number,
): Promise<number> {
  const { l2, local, clock, fence } = core;
  const initial = newEntry(by, life, clock.now());
  if (l2 !== undefined) {
    return settling(
      () => askL2(core, 'increment', () => l2.increment(key, by, initial, clock.monotonic() + budget, alwaysCounts)),
      () => forget(core, key),
    );
  }
  const present = local.get(key);
  if (!isFresh(present, clock.now())) {
    local.put(key, copyOf(initial, core.trust.current));
    fence.mark(key);
    return by;
  }
  const sum = typeof present.value === 'number' ? present.value + by : Number.NaN;
  if (!Number.isFinite(sum)) {
    throw new InvalidValueError('increment() needs a finite number under the key; delete it first or use another key.', {
      key,
    });
  }
  local.put(key, { ...present, value: sum, stamp: initial.stamp });
  fence.mark(key);
  return sum;
}

/** Own value in memory only if nothing newer came meanwhile, as another write's settling shows; else nothing, so that L2 is asked. */
function settleWrite(core: Core, ticket: Ticket, entry: Entry, l2IsAway: boolean): void {
  const { fence, local } = core;
  if (fence.isMarked(ticket)) local.delete(ticket.key);
  else if (l2IsAway) keepForOutage(core, ticket, entry);
  else if (core.localRole === 'tier') local.put(ticket.key, copyOf(entry, ticket.trust));
  else local.delete(ticket.key);
  fence.mark(ticket.key);
}

/** Drops a key from memory and marks what is under way for it; says whether a usable entry was there. */
function forget(core: Core, key: string): boolean {
  const entry = core.local.get(key);
  core.local.delete(key);
  core.fence.mark(key);
  return entry !== undefined && freshnessOf(entry, core.clock.now()) !== 'expired';
}

function forgetMany(core: Core, keys: readonly string[]): number {
  return keys.reduce((count, key) => count + (forget(core, key) ? 1 : 0), 0);
}

/** Settles memory after an L2 operation, unless it is sure that the operation was never sent. */
async function settling<T>(operation: () => Promise<T>, settle: () => unknown): Promise<T> {
  try {
    const result = await operation();
    settle();
    return result;
  } catch (error) {
    if (mayHaveHappened(error)) settle();
    throw error;
  }
}

/** An open circuit is the one failure after which L2 is surely as it was. */
function mayHaveHappened(error: unknown): boolean {
  return !(error instanceof CircuitOpenError);
}
