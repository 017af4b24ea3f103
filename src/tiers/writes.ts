import type { Entry } from '../entries/entry.js';
import { freshnessOf } from '../entries/freshness.js';
import { compileGlob } from '../entries/glob.js';
import type { Space } from '../entries/labels.js';
import { CircuitOpenError } from '../errors.js';
import type { Terms } from './call-options.js';
import { change } from './change.js';
import { away, type Core } from './core.js';
import { type Draft, entryFrom } from './draft.js';
import { type Intent, removed, removedAll, softened } from './intent.js';
import { ahead, forget, forgetMany, settleWrite, settling, settlingFailure, softenCopy } from './settle.js';
import type { Wanted } from './versions.js';

/**
 * Every write follows one order: open a ticket, learn the versions it is made under, tell L2, then settle memory. Settling marks whatever
 * else is under way for the key, whether the reply was good, an error or a time-out, since after it nothing that began before may be stored.
 */
export async function write(core: Core, space: Space, key: string, draft: Draft, terms: Terms): Promise<void> {
  const { l2, fence, clock, underWay } = core;
  const ticket = fence.open(key, space);
  underWay.begin();
  try {
    const deadline = clock.monotonic() + terms.budget;
    const made = entryFrom(core, space, draft, deadline, wantedBy(terms));
    const entry = made instanceof Promise ? await made : made;
    if (l2 === undefined) {
      settleWrite(core, ticket, entry);
      return;
    }
    const written = await settlingFailure(
      () => change(core, terms, 'write', { kind: 'key', key, to: entry.stamp }, () => l2.write(key, entry, deadline)),
      () => forget(core, key),
    );
    settleWrite(core, ticket, entry, written === away ? terms.outage : undefined);
  } finally {
    underWay.end();
    fence.close(ticket);
  }
}

export async function writeMany(core: Core, space: Space, drafts: ReadonlyMap<string, Draft>, terms: Terms): Promise<void> {
  if (drafts.size === 0) return;
  const { l2, fence, clock, underWay } = core;
  const tickets = Array.from(drafts.keys(), (key) => fence.open(key, space));
  underWay.begin();
  try {
    const deadline = clock.monotonic() + terms.budget;
    // Asked for in one turn of the event loop, their versions come together.
    const making = Array.from(drafts.values(), (draft) => entryFrom(core, space, draft, deadline, wantedBy(terms)));
    const made = making.some((entry) => entry instanceof Promise) ? await Promise.all(making) : making;
    const entries = new Map(tickets.map(({ key }, index) => [key, made[index] as Entry]));
    const intent: Intent = { kind: 'keys', keys: new Map(Array.from(entries, ([key, { stamp }]) => [key, stamp])) };
    const written =
      l2 === undefined
        ? undefined
        : await settlingFailure(
            () => change(core, terms, 'writeMany', intent, () => l2.writeMany(entries, deadline)),
            () => forgetMany(core, [...entries.keys()]),
          );
    for (const ticket of tickets) {
      // Some of them may have been taken.
      const isAway = written === away && core.journal.holds(ticket.key);
      settleWrite(core, ticket, entries.get(ticket.key) as Entry, isAway ? terms.outage : undefined);
    }
  } finally {
    underWay.end();
    for (const ticket of tickets) fence.close(ticket);
  }
}

/** Makes the entry stale, in every tier. */
export async function soften(core: Core, space: Space, key: string, terms: Terms): Promise<boolean> {
  const { l2, clock } = core;
  const wasInMemory = ahead(core, terms, () => softenCopy(core, space, key)) ?? false;
  if (l2 === undefined) return wasInMemory;
  const answer = await settling(
    () =>
      change(core, terms, 'soften', { kind: 'key', key, to: softened }, () => l2.soften(key, clock.monotonic() + terms.budget)),
    () => softenCopy(core, space, key),
  );
  return answer === away ? wasInMemory : answer;
}

export async function remove(core: Core, key: string, terms: Terms): Promise<boolean> {
  const { l2, clock } = core;
  const wasInMemory = ahead(core, terms, () => forget(core, key)) ?? false;
  if (l2 === undefined) return wasInMemory;
  const answer = await settling(
    () =>
      change(core, terms, 'remove', { kind: 'key', key, to: removed }, () => l2.remove(key, clock.monotonic() + terms.budget)),
    () => forget(core, key),
  );
  return answer === away ? wasInMemory : answer;
}

export async function removeMany(core: Core, keys: readonly string[], terms: Terms): Promise<number> {
  if (keys.length === 0) return 0;
  const { l2, clock } = core;
  const inMemory = ahead(core, terms, () => forgetMany(core, keys)) ?? 0;
  if (l2 === undefined) return inMemory;
  const answer = await settling(
    () => change(core, terms, 'removeMany', removedAll(keys), () => l2.removeMany(keys, clock.monotonic() + terms.budget)),
    () => forgetMany(core, keys),
  );
  return answer === away ? inMemory : answer;
}

export async function removeMatching(core: Core, prefix: string, glob: string, terms: Terms): Promise<number> {
  const { l2, clock } = core;
  const matches = compileGlob(glob);
  const forgetMatching = () => {
    const count = core.local.deleteMatching(prefix, matches, (entry) => freshnessOf(entry, clock.now()) !== 'expired');
    core.fence.markAll();
    return count;
  };
  const inMemory = ahead(core, terms, forgetMatching) ?? 0;
  if (l2 === undefined) return inMemory;
  const batch = () => clock.monotonic() + terms.budget;
  const answer = await settling(
    () =>
      change(core, terms, 'removeMatching', { kind: 'pattern', prefix, glob }, () => l2.removeMatching(prefix, glob, batch)),
    forgetMatching,
    // The last of its batches may be what was surely not sent.
    (error) => !(error instanceof CircuitOpenError),
  );
  return answer === away ? inMemory : answer;
}

/** What carries a version of our own counts nowhere: that is a lost write, of which this caller wants to know. */
function wantedBy({ outage }: Terms): Wanted {
  return outage === 'throw' ? 'known' : 'any';
}
