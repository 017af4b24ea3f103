import type { OutagePolicy } from '../cache.js';
import { type Entry, staleFrom } from '../entries/entry.js';
import { freshnessOf, mayStandIn } from '../entries/freshness.js';
import type { Space } from '../entries/labels.js';
import { BackendError } from '../errors.js';
import type { Terms } from './call-options.js';
import { type Core, copyOf, keepForOutage, tenureNow } from './core.js';
import type { Ticket } from './fence.js';
import { inMemory } from './reads.js';

/*
 * What memory becomes when L2 has answered a write, or has not.
 */

/**
 * With an outage policy if L2 did not take it. Own value in memory only if nothing newer came meanwhile, as another write's settling shows; else nothing, so that
 * L2 is asked.
 */
export function settleWrite(core: Core, ticket: Ticket, entry: Entry, outage?: OutagePolicy): void {
  const { fence, local } = core;
  if (fence.isMarked(ticket)) local.delete(ticket.key);
  else if (outage === 'serve') keepForOutage(core, ticket, entry, outage);
  else if (outage === undefined && core.localRole === 'tier') local.put(ticket.key, copyOf(core, ticket, entry));
  else local.delete(ticket.key);
  core.refreshes.forget(ticket.key);
  fence.mark(ticket.key);
}

/** Drops a key from memory and marks what is under way for it; says whether a usable entry was there. */
export function forget(core: Core, key: string): boolean {
  const entry = core.local.get(key);
  core.local.delete(key);
  core.refreshes.forget(key);
  core.fence.mark(key);
  return entry !== undefined && freshnessOf(entry, core.clock.now()) !== 'expired';
}

/** What may still stand in while L2 is away stays, stale. */
export function softenCopy(core: Core, space: Space, key: string): boolean {
  const { entry, space: home = space } = inMemory(core, space, key);
  // By the clock that hits go by, which lags: to it, what is stale from now on would be fresh for a moment.
  const stale = entry && staleFrom(entry, core.clock.coarseNow());
  forget(core, key);
  if (mayStandIn(stale, core.clock.now())) core.local.put(key, copyOf(core, tenureNow(core, home), stale));
  return entry !== undefined;
}

export function forgetMany(core: Core, keys: readonly string[]): number {
  return keys.reduce((count, key) => count + (forget(core, key) ? 1 : 0), 0);
}

/** Settles memory after an L2 operation, unless it is sure that nothing of it was done. */
export async function settling<T>(
  operation: () => Promise<T>,
  settle: () => unknown,
  mayBeDone: (error: unknown) => boolean = mayHaveHappened,
): Promise<T> {
  try {
    const result = await operation();
    settle();
    return result;
  } catch (error) {
    if (mayBeDone(error)) settle();
    throw error;
  }
}

/** Settles memory if the operation failed and may have been done all the same. */
export async function settlingFailure<T>(operation: () => Promise<T>, settle: () => unknown): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (mayHaveHappened(error)) settle();
    throw error;
  }
}

/** False where L2 is surely as it was. */
export function mayHaveHappened(error: unknown): boolean {
  return error instanceof BackendError && !error.unsent;
}

/**
 * Does here at once what L2 is told next, so that it is in force here whatever L2 does. But who is told of an outage is to find memory as it
 * was if surely nothing was done: for him it waits until L2 has answered.
 */
export function ahead<T>({ l2 }: Core, { outage }: Terms, here: () => T): T | undefined {
  return outage === 'throw' && l2 !== undefined ? undefined : here();
}
