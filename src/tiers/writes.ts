import { type Entry, newEntry, staleFrom } from '../entries/entry.js';
import { freshnessOf, isFresh, mayStandIn } from '../entries/freshness.js';
import { compileGlob } from '../entries/glob.js';
import type { Space } from '../entries/labels.js';
import { CircuitOpenError, InvalidValueError } from '../errors.js';
import type { EntryHead, Standing } from '../store.js';
import { askL2, away, type Core, copyOf, keepForOutage, tenureNow, tryL2 } from './core.js';
import type { Draft } from './draft.js';
import type { Ticket } from './fence.js';
import { standingIn } from './judge.js';
import { outlast } from './outlast.js';
import { inMemory } from './reads.js';
import { labelsFor } from './versions.js';

/**
 * Every write follows one order: open a ticket, learn the versions it is made under, tell L2, then settle memory. Settling marks whatever
 * else is under way for the key, whether the reply was good, an error or a time-out, since after it nothing that began before may be stored.
 */
export async function write(core: Core, space: Space, key: string, draft: Draft, budget: number): Promise<void> {
  const { l2, fence, clock, underWay } = core;
  const ticket = fence.open(key, space);
  underWay.begin();
  try {
    const deadline = clock.monotonic() + budget;
    const made = entryFrom(core, space, draft, deadline);
    const entry = made instanceof Promise ? await made : made;
    const written = l2 === undefined ? undefined : await tryL2(core, 'write', () => l2.write(key, entry, deadline));
    settleWrite(core, ticket, entry, written === away);
  } finally {
    underWay.end();
    fence.close(ticket);
  }
}

export async function writeMany(core: Core, space: Space, drafts: ReadonlyMap<string, Draft>, budget: number): Promise<void> {
  const { l2, fence, clock, underWay } = core;
  const tickets = Array.from(drafts.keys(), (key) => fence.open(key, space));
  underWay.begin();
  try {
    const deadline = clock.monotonic() + budget;
    // Asked for in one turn of the event loop, their versions come together.
    const making = Array.from(drafts.values(), (draft) => entryFrom(core, space, draft, deadline));
    const made = making.some((entry) => entry instanceof Promise) ? await Promise.all(making) : making;
    const entries = new Map(tickets.map(({ key }, index) => [key, made[index] as Entry]));
    const written = l2 === undefined ? undefined : await tryL2(core, 'writeMany', () => l2.writeMany(entries, deadline));
    for (const ticket of tickets) settleWrite(core, ticket, entries.get(ticket.key) as Entry, written === away);
  } finally {
    underWay.end();
    for (const ticket of tickets) fence.close(ticket);
  }
}

/** Atomic over all processes, so it is L2's word or none: an outage is thrown. */
export async function writeIfAbsent(core: Core, space: Space, key: string, draft: Draft, budget: number): Promise<boolean> {
  const { l2, fence, clock, local, underWay } = core;
  const ticket = fence.open(key, space);
  underWay.begin();
  try {
    const deadline = clock.monotonic() + budget;
    const entry = await entryFrom(core, space, draft, deadline, true);
    if (l2 === undefined) {
      if (isFresh(inMemory(core, space, key).entry, clock.now())) return false;
      local.put(key, copyOf(core, tenureNow(core, space), entry));
      fence.mark(key);
      return true;
    }
    const standing = standingIn(core, space, key, deadline);
    const written = await askL2(core, 'writeIfAbsent', () => l2.writeIfAbsent(key, entry, deadline, standing));
    if (written) settleWrite(core, ticket, entry, false);
    return written;
  } catch (error) {
    if (mayHaveHappened(error)) forget(core, key);
    throw error;
  } finally {
    underWay.end();
    fence.close(ticket);
  }
}

/** Makes the entry stale, in every tier. */
export async function soften(core: Core, space: Space, key: string, budget: number): Promise<boolean> {
  const { l2, clock } = core;
  const wasInMemory = softenCopy(core, space, key);
  if (l2 === undefined) return wasInMemory;
  const softened = await settling(
    () => tryL2(core, 'soften', () => l2.soften(key, clock.monotonic() + budget)),
    () => softenCopy(core, space, key),
  );
  return softened === away ? wasInMemory : softened;
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
export async function expire(core: Core, space: Space, key: string, ttl: number, budget: number): Promise<boolean> {
  const { l2, local, clock } = core;
  const freshUntil = clock.now() + ttl;
  if (l2 !== undefined) {
    const deadline = clock.monotonic() + budget;
    const present = standingIn(core, space, key, deadline);
    const standing: Standing = {
      ...present,
      async counts(head) {
        if (!(await present.counts(head))) return false;
        await outlast(core, head.tags, freshUntil + graceOf(head), deadline);
        return true;
      },
    };
    return settling(
      () => askL2(core, 'expire', () => l2.expire(key, freshUntil, deadline, standing)),
      () => forget(core, key),
    );
  }
  const { entry, space: home = space } = inMemory(core, space, key);
  if (!isFresh(entry, clock.now())) return false;
  core.fence.mark(key);
  local.put(key, copyOf(core, tenureNow(core, home), { ...entry, freshUntil, expiresAt: freshUntil + graceOf(entry) }));
  return true;
}

function graceOf({ freshUntil, expiresAt }: EntryHead): number {
  return expiresAt === freshUntil ? 0 : expiresAt - freshUntil;
}

export async function increment(
  core: Core,
  space: Space,
  key: string,
  by: number,
  draft: Draft,
  budget: number,
): Promise<number> {
  const { l2, clock, underWay } = core;
  const deadline = clock.monotonic() + budget;
  underWay.begin();
  try {
    const initial = (await entryFrom(core, space, draft, deadline, true)) as Entry<number>;
    if (l2 === undefined) return incrementHere(core, space, key, by, initial);
    const standing = standingIn(core, space, key, deadline);
    return await settling(
      () => askL2(core, 'increment', () => l2.increment(key, by, initial, deadline, standing)),
      () => forget(core, key),
    );
  } finally {
    underWay.end();
  }
}

function incrementHere(core: Core, space: Space, key: string, by: number, initial: Entry<number>): number {
  const { local, clock, fence } = core;
  const { entry: present, space: home = space } = inMemory(core, space, key);
  if (!isFresh(present, clock.now())) {
    local.put(key, copyOf(core, tenureNow(core, space), initial));
    fence.mark(key);
    return by;
  }
  const sum = typeof present.value === 'number' ? present.value + by : Number.NaN;
  if (!Number.isFinite(sum)) {
    throw new InvalidValueError('increment() needs a finite number under the key; delete it first or use another key.', {
      key,
    });
  }
  local.put(key, copyOf(core, tenureNow(core, home), { ...present, value: sum, stamp: initial.stamp }));
  fence.mark(key);
  return sum;
}

function entryFrom(
  core: Core,
  space: Space,
  { value, life, tags }: Draft,
  deadline: number,
  exact = false,
): Entry | Promise<Entry> {
  const now = core.clock.now();
  const labels = labelsFor(core, space, tags, now + life.ttl + life.grace, deadline, exact);
  if (!(labels instanceof Promise)) return newEntry(value, life, now, { labels });
  return labels.then((asked) => newEntry(value, life, now, { labels: asked }));
}

/** Own value in memory only if nothing newer came meanwhile, as another write's settling shows; else nothing, so that L2 is asked. */
function settleWrite(core: Core, ticket: Ticket, entry: Entry, l2IsAway: boolean): void {
  const { fence, local } = core;
  if (fence.isMarked(ticket)) local.delete(ticket.key);
  else if (l2IsAway) keepForOutage(core, ticket, entry);
  else if (core.localRole === 'tier') local.put(ticket.key, copyOf(core, ticket, entry));
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

/** What may still stand in while L2 is away stays, stale. */
function softenCopy(core: Core, space: Space, key: string): boolean {
  const { entry, space: home = space } = inMemory(core, space, key);
  // By the clock that hits go by, which lags: to it, what is stale from now on would be fresh for a moment.
  const stale = entry && staleFrom(entry, core.clock.coarseNow());
  forget(core, key);
  if (mayStandIn(stale, core.clock.now())) core.local.put(key, copyOf(core, tenureNow(core, home), stale));
  return entry !== undefined;
}

function forgetMany(core: Core, keys: readonly string[]): number {
  return keys.reduce((count, key) => count + (forget(core, key) ? 1 : 0), 0);
}

/** Settles memory after an L2 operation, unless it is sure that the operation was never sent. */
export async function settling<T>(operation: () => Promise<T>, settle: () => unknown): Promise<T> {
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
