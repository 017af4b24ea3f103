import type { Entry } from '../entries/entry.js';
import { isFresh } from '../entries/freshness.js';
import { away, type Core, keepCopy, tryL2 } from './core.js';

/** The entry in L1 if it is fresh. Reads nothing else, so it can be the first step of a hot path. */
export function freshInL1(core: Core, key: string): Entry | undefined {
  if (core.localRole !== 'tier') return undefined;
  const entry = core.local.get(key);
  return entry !== undefined && entry.freshUntil > core.clock.coarseNow() ? entry : undefined;
}

/** What is there beyond a fresh L1 copy: L2's word if it can be asked, else what memory keeps. Fresh or stale, not expired. */
export async function readBeyondL1(core: Core, key: string, budget: number): Promise<Entry | undefined> {
  const { l2, fence, clock } = core;
  if (l2 === undefined) return notExpired(core.local.get(key), clock.now());
  const ticket = fence.open(key);
  try {
    const found = await tryL2(core, 'read', () => l2.read(key, clock.monotonic() + budget));
    if (found === away) return notExpired(core.local.get(key), clock.now());
    if (isFresh(found, clock.now())) keepCopy(core, ticket, found);
    return found;
  } finally {
    fence.close(ticket);
  }
}

/** The same for many keys, in one round trip per node. */
export async function readManyBeyondL1(core: Core, keys: readonly string[], budget: number): Promise<Map<string, Entry>> {
  const { l2, fence, clock } = core;
  if (l2 === undefined) return manyInMemory(core, keys);
  const tickets = keys.map((key) => fence.open(key));
  try {
    const found = await tryL2(core, 'readMany', () => l2.readMany(keys, clock.monotonic() + budget));
    if (found === away) return manyInMemory(core, keys);
    const now = clock.now();
    for (const ticket of tickets) {
      const entry = found.get(ticket.key);
      if (isFresh(entry, now)) keepCopy(core, ticket, entry);
    }
    return found;
  } finally {
    for (const ticket of tickets) fence.close(ticket);
  }
}

function manyInMemory(core: Core, keys: readonly string[]): Map<string, Entry> {
  const now = core.clock.now();
  const found = new Map<string, Entry>();
  for (const key of keys) {
    const entry = notExpired(core.local.get(key), now);
    if (entry !== undefined) found.set(key, entry);
  }
  return found;
}

function notExpired(entry: Entry | undefined, now: number): Entry | undefined {
  return entry !== undefined && entry.expiresAt > now ? entry : undefined;
}
