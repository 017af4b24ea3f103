import type { Entry } from '../entries/entry.js';
import { isFresh } from '../entries/freshness.js';
import type { LocalCopy } from '../store.js';
import { away, type Core, dropDisproved, entryOf, keepCopy, tryL2 } from './core.js';
import type { Found, FoundMany } from './found.js';

/**
 * The copy in L1 if it is fresh and still to be trusted, or L2 is known to be away, when memory serves. Reads nothing else, so it can be
 * the first step of a hot path.
 */
export function freshInL1(core: Core, key: string): LocalCopy | undefined {
  if (core.localRole !== 'tier') return undefined;
  const copy = core.local.get(key);
  if (copy === undefined || copy.freshUntil <= core.clock.coarseNow()) return undefined;
  return copy.epoch === core.trust.serving || l2IsAway(core) ? copy : undefined;
}

function l2IsAway({ l2 }: Core): boolean {
  return l2 !== undefined && l2.circuit.state !== 'closed';
}

/** What memory keeps, fresh or stale. It counts only while L2 cannot be asked: L2 may have been told to forget it. */
export function inMemory(core: Core, key: string): Found {
  return { entry: notExpired(core.local.get(key), core.clock.now()), tier: 'l1' };
}

/** What is there beyond a fresh L1 copy: L2's word if it can be asked, else what memory keeps. Fresh or stale, not expired. */
export async function readBeyondL1(core: Core, key: string, budget: number): Promise<Found> {
  const { l2, fence, clock } = core;
  if (l2 === undefined) return inMemory(core, key);
  const ticket = fence.open(key);
  try {
    const entry = await tryL2(core, 'read', () => l2.read(key, clock.monotonic() + budget));
    if (entry === away) return inMemory(core, key);
    if (isFresh(entry, clock.now())) keepCopy(core, ticket, entry);
    else dropDisproved(core, ticket, entry);
    return { entry, tier: 'l2' };
  } finally {
    fence.close(ticket);
  }
}

/** The same for many keys, in one round trip per node. */
export async function readManyBeyondL1(core: Core, keys: readonly string[], budget: number): Promise<FoundMany> {
  const { l2, fence, clock } = core;
  if (l2 === undefined) return manyInMemory(core, keys);
  const tickets = keys.map((key) => fence.open(key));
  try {
    const entries = await tryL2(core, 'readMany', () => l2.readMany(keys, clock.monotonic() + budget));
    if (entries === away) return manyInMemory(core, keys);
    const now = clock.now();
    for (const ticket of tickets) {
      const entry = entries.get(ticket.key);
      if (isFresh(entry, now)) keepCopy(core, ticket, entry);
      else dropDisproved(core, ticket, entry);
    }
    return { entries, tier: 'l2' };
  } finally {
    for (const ticket of tickets) fence.close(ticket);
  }
}

function manyInMemory(core: Core, keys: readonly string[]): FoundMany {
  const entries = new Map<string, Entry>();
  for (const key of keys) {
    const { entry } = inMemory(core, key);
    if (entry !== undefined) entries.set(key, entry);
  }
  return { entries, tier: 'l1' };
}

function notExpired(entry: Entry | undefined, now: number): Entry | undefined {
  return entry !== undefined && entry.expiresAt > now ? entryOf(entry) : undefined;
}
