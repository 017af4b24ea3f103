import type { OutagePolicy } from '../cache.js';
import { type Entry, staleFrom } from '../entries/entry.js';
import { isFresh, servesAtOnce } from '../entries/freshness.js';
import type { KnownLabel, Space } from '../entries/labels.js';
import { ConnectionError } from '../errors.js';
import type { LocalCopy } from '../store.js';
import type { Terms } from './call-options.js';
import type { GuardedStore } from './circuit-breaker.js';
import { type Away, away, type Core, dropDisproved, entryOf, keepCopy, tryL2 } from './core.js';
import type { Ticket } from './fence.js';
import type { Found, FoundMany } from './found.js';
import { isCurrent, judge, judgeCopy, judgeMany } from './judge.js';
import { isWithin } from './labels.js';
import { askAhead } from './versions.js';

/**
 * The copy in L1 if it is fresh and still to be trusted, or L2 is known to be away and memory is to serve then. Reads nothing else, so it can
 * be the first step of a hot path.
 */
export function freshInL1(core: Core, space: Space, key: string, outage: OutagePolicy): LocalCopy | undefined {
  if (core.localRole !== 'tier') return undefined;
  const copy = core.local.get(key);
  if (copy === undefined || copy.servedUntil <= core.clock.coarseNow()) return undefined;
  if (copy.epoch !== core.trust.serving && !(outage === 'serve' && l2IsAway(core) && outlivesTrust(core, copy)))
    return undefined;
  return isCurrent(copy) && isWithin(copy.space, space) ? copy : undefined;
}

function l2IsAway({ l2 }: Core): boolean {
  return l2 !== undefined && l2.circuit.state !== 'closed';
}

/** A copy that is known to be true but not fresh any more, and may be served all the same for `swr` ms. */
export function staleInL1(core: Core, space: Space, key: string, swr: number): LocalCopy | undefined {
  // Where copies may stay so long and no longer, L2 is asked for what is stale too.
  if (swr === 0 || core.localRole !== 'tier' || core.localTtl !== Number.POSITIVE_INFINITY) return undefined;
  const copy = core.local.get(key);
  const now = core.clock.now();
  if (copy === undefined || copy.epoch !== core.trust.serving || copy.freshUntil > now) return undefined;
  return servesAtOnce(copy, swr, now) && isCurrent(copy) && isWithin(copy.space, space) ? copy : undefined;
}

/** What memory keeps, fresh or stale. It counts only while L2 cannot be asked: L2 may have been told to forget it. */
export function inMemory(core: Core, space: Space, key: string): Found {
  const copy = core.local.get(key);
  const entry = copy !== undefined && isWithin(copy.space, space) ? judgeCopy(core, copy) : undefined;
  const now = core.clock.now();
  // Nobody vouches any more that it is what it was: it may only stand in for a factory that fails.
  const isOld = copy !== undefined && !outlivesTrust(core, copy);
  const vouched = entry !== undefined && isOld ? staleFrom(entry, now) : entry;
  return { entry: notExpired(vouched, now), tier: 'l1', space: copy?.space };
}

/** Whether a copy was known to be true so lately that it may serve while L2 is away. What was kept in the outage has its end set by then. */
function outlivesTrust({ trust, clock, outageTtl }: Core, { epoch }: LocalCopy): boolean {
  if (epoch === trust.serving || epoch === 0) return true;
  const ended = trust.endings.get(epoch);
  return ended !== undefined && clock.monotonic() < ended + outageTtl;
}

/** What the caller gets of memory when L2 could not be asked. */
export function insteadOfL2(core: Core, space: Space, key: string, outage: OutagePolicy): Found {
  return outage === 'serve' ? inMemory(core, space, key) : { entry: undefined, tier: 'l1' };
}

/** What is there beyond a fresh L1 copy: L2's word if it can be asked, else what memory keeps. Fresh or stale, not expired. */
export async function readBeyondL1(core: Core, space: Space, key: string, { budget, outage }: Terms): Promise<Found> {
  const { l2, fence, clock } = core;
  if (l2 === undefined) return inMemory(core, space, key);
  const ticket = fence.open(key, space);
  try {
    const found = await readL2(core, ticket, [], clock.monotonic() + budget, outage);
    if (found === away) return insteadOfL2(core, space, key, outage);
    if (isFresh(found.entry, clock.now())) keepCopy(core, ticket, found.entry);
    else dropDisproved(core, ticket, found.entry);
    return found;
  } finally {
    fence.close(ticket);
  }
}

/**
 * The entry in L2 that counts, or its stale form. The versions that it takes to tell, and those that the caller will need too, are asked for
 * in the same turn if they are not known: that is before anything is made of what is read, and no round trip more.
 */
export async function readL2(
  core: Core,
  { key, space }: Ticket,
  alsoNeeded: readonly KnownLabel[],
  deadline: number,
  outage: OutagePolicy,
): Promise<Found | Away> {
  const l2 = core.l2 as GuardedStore;
  const versions = askAhead(core, space, alsoNeeded, deadline);
  const [read, just] = await both(
    tryL2(core, 'read', () => l2.read(key, deadline), outage),
    versions,
  );
  if (read === away || just === away) return refusing(core, outage);
  const judged = judge(core, space, key, read, deadline, just);
  const entry = judged instanceof Promise ? await judged : judged;
  return entry === away ? refusing(core, outage) : { entry, tier: 'l2', seen: read?.stamp };
}

/** Waits for the two of them as one, so that none is left to fail alone; usually there is only the first. */
async function both<A, B>(first: Promise<A>, second: Promise<B> | undefined): Promise<readonly [A, B | undefined]> {
  return second === undefined ? [await first, undefined] : Promise.all([first, second]);
}

/** The same for many keys, in one round trip per node, and one more for versions of tags that are not known. */
export async function readManyBeyondL1(core: Core, space: Space, keys: readonly string[], terms: Terms): Promise<FoundMany> {
  const { l2, fence, clock } = core;
  if (l2 === undefined) return manyInMemory(core, space, keys);
  const tickets = keys.map((key) => fence.open(key, space));
  try {
    const { outage } = terms;
    const deadline = clock.monotonic() + terms.budget;
    const versions = askAhead(core, space, [], deadline);
    const unread = new Set<string>();
    const reading = tryL2(core, 'readMany', () => l2.readMany(keys, deadline, (key) => unread.add(key)), outage);
    const [read, just] = await both(reading, versions);
    const entries = read === away || just === away ? away : await judgeMany(core, space, read, deadline, just);
    if (entries === away || unread.size > 0) refusing(core, outage);
    if (entries === away) return manyInsteadOfL2(core, space, keys, outage);
    const now = clock.now();
    for (const ticket of tickets) {
      if (unread.has(ticket.key)) continue;
      const entry = entries.get(ticket.key);
      if (isFresh(entry, now)) keepCopy(core, ticket, entry);
      else dropDisproved(core, ticket, entry);
    }
    if (unread.size === 0) return { entries, tier: 'l2', unread };
    return { entries: new Map([...entries, ...manyInsteadOfL2(core, space, [...unread], outage).entries]), tier: 'l2', unread };
  } finally {
    for (const ticket of tickets) fence.close(ticket);
  }
}

function manyInMemory(core: Core, space: Space, keys: readonly string[]): FoundMany {
  const entries = new Map<string, Entry>();
  for (const key of keys) {
    const { entry } = inMemory(core, space, key);
    if (entry !== undefined) entries.set(key, entry);
  }
  return { entries, tier: 'l1', unread: new Set() };
}

function manyInsteadOfL2(core: Core, space: Space, keys: readonly string[], outage: OutagePolicy): FoundMany {
  return outage === 'serve' ? manyInMemory(core, space, keys) : { entries: new Map(), tier: 'l1', unread: new Set() };
}

/** Says that L2 is away, to the caller too if he wants to know. */
export function refusing({ l2 }: Core, outage: OutagePolicy): Away {
  if (outage !== 'throw') return away;
  const backend = l2?.name ?? 'l2';
  throw new ConnectionError(`${backend}: it could not be told whether what is there still counts, or a part of it is away.`, {
    backend,
    operation: 'read',
    cause: l2?.circuit.lastError,
  });
}

function notExpired(entry: Entry | undefined, now: number): Entry | undefined {
  return entry !== undefined && entry.expiresAt > now ? entryOf(entry) : undefined;
}
