import { type Entry, type Labels, newEntry } from '../entries/entry.js';
import type { Space } from '../entries/labels.js';
import { type Budget, budgetOf } from './budget.js';
import type { Terms } from './call-options.js';
import { callSource, type SourceCall } from './call-source.js';
import type { Core } from './core.js';
import type { Draft } from './draft.js';
import type { Ticket } from './fence.js';
import type { LeaseHolder } from './lease.js';
import { refusing } from './reads.js';
import { settleWrite } from './settle.js';
import { labelsFor } from './versions.js';
import { takeWriteLease, type WriteRight } from './write-lease.js';
import { remove, removeMany } from './writes.js';

export interface SourceWrite extends SourceCall {
  /** How long somebody else's lease is waited for, ms. */
  readonly leaseWait: number;
  /** What becomes of what is cached if the source rejects: it stays, or is to go since a part of the batch may be written. */
  readonly afterFailure: 'keep' | 'drop';
}

/**
 * Writes to the source, then to every tier. Source, then `set` would be a race: two writers may reach the source in one order and the cache in the other.
 * So the lease of each key is taken before, as a loader does: whoever changes the key meanwhile voids it, and then nothing stays cached at all.
 */
export async function writeThrough(
  core: Core,
  space: Space,
  drafts: ReadonlyMap<string, Draft>,
  write: SourceWrite,
  terms: Terms,
): Promise<void> {
  const { fence, underWay, clock } = core;
  const holders = Array.from(drafts.keys(), (key): LeaseHolder => ({ ticket: fence.open(key, space), onGivenUp: undefined }));
  underWay.begin();
  try {
    // 1. Others are kept off before the source changes.
    const budget = budgetOf(terms.budget, clock);
    const rights = await Promise.all(holders.map((holder) => takeWriteLease(core, holder, budget, write.leaseWait)));
    const release = () => Promise.all(rights.map(({ lease }) => lease?.release(budget)));
    if (terms.outage === 'throw' && rights.some(({ state }) => state === 'away')) {
      await release();
      refusing(core, terms.outage);
    }

    // 2. What the values depend on is noted before they are in force: what is invalidated from here on invalidates them too.
    const latest = clock.now() + write.hardTimeout + write.overtime;
    const noted = await Promise.all(
      Array.from(drafts.values(), ({ tags, life }, index) =>
        notedFor(core, space, tags, latest + life.ttl + life.grace, rights[index] as WriteRight, budget),
      ),
    ).catch(async (error: unknown) => {
      await release();
      throw error;
    });

    // 3. The source. If it fails, what is cached is as true as it was before.
    try {
      await tellSource(core, [...drafts.keys()], write, terms);
    } catch (error) {
      await release();
      throw error;
    }

    // 4. Every tier, or none of them.
    const settled = await Promise.allSettled(
      Array.from(drafts.values(), ({ value, life }, index) => {
        const { ticket } = holders[index] as LeaseHolder;
        const entry = newEntry(value, life, clock.now(), { labels: noted[index] as Labels });
        return store(core, ticket, entry, rights[index] as WriteRight, budget, terms);
      }),
    );
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  } finally {
    underWay.end();
    for (const { ticket } of holders) fence.close(ticket);
  }
}

/** Removes from the source, then from every tier: in that order it takes no lease, since to remove too much is never wrong. */
export async function removeThrough(core: Core, keys: readonly string[], write: SourceWrite, terms: Terms): Promise<void> {
  core.underWay.begin();
  try {
    await tellSource(core, keys, write, terms);
    await drop(core, keys, terms);
  } finally {
    core.underWay.end();
  }
}

async function tellSource(core: Core, keys: readonly string[], write: SourceWrite, terms: Terms): Promise<void> {
  const { underWay } = core;
  const outcome = await callSource(core.clock, write);
  if (outcome.state === 'done') return;
  if (outcome.state === 'failed') {
    if (write.afterFailure === 'drop') await drop(core, keys, terms);
    throw outcome.error;
  }
  // It may have been done, and it may still be: then what was loaded in between is old.
  underWay.begin();
  void outcome.settled
    .then(() => drop(core, keys, terms))
    .catch(() => undefined)
    .finally(() => underWay.end());
  if (write.overtime === 0) await drop(core, keys, terms);
  throw outcome.error;
}

async function notedFor(
  core: Core,
  space: Space,
  tags: readonly string[],
  lasting: number,
  { state }: WriteRight,
  budget: Budget,
): Promise<Labels> {
  return budget.spend(async (deadline) => labelsFor(core, space, tags, lasting, state === 'away' ? 0 : deadline));
}

async function store(core: Core, ticket: Ticket, entry: Entry, right: WriteRight, budget: Budget, terms: Terms): Promise<void> {
  const { journal } = core;
  const { key } = ticket;
  if (right.state === 'alone') {
    settleWrite(core, ticket, entry);
    return;
  }
  const before = journal.generation;
  let filled: unknown = false;
  try {
    filled = await right.lease?.fill(entry, budget);
  } catch (error) {
    // What cannot be encoded, say: the source has it all the same.
    await drop(core, [key], terms);
    throw error;
  }
  if (filled === true) {
    // A new master may not have it: then it is told as any write is.
    journal.acknowledged({ kind: 'key', key, to: entry.stamp }, before);
    settleWrite(core, ticket, entry);
    return;
  }
  // Without a lease, or refused: somebody else wrote, and whom the source heard last nobody knows. Whoever asks next asks the source.
  await drop(core, [key], terms);
}

/** The source has changed, so it is done later if it cannot be done now, also for who would rather be told: told what? It is written. */
async function drop(core: Core, keys: readonly string[], terms: Terms): Promise<void> {
  const lasting: Terms = { ...terms, outage: terms.outage === 'throw' ? 'serve' : terms.outage };
  if (keys.length === 1) await remove(core, keys[0] as string, lasting);
  else await removeMany(core, keys, lasting);
}
