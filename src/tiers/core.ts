import type { OutagePolicy } from '../cache.js';
import type { Clock } from '../clock.js';
import type { Epochs } from '../coherence/epochs.js';
import { cappedAt, type Entry } from '../entries/entry.js';
import type { KnownLabel, Space } from '../entries/labels.js';
import { BackendError, ClosedError, DeadlineError } from '../errors.js';
import type { Emitter } from '../events.js';
import type { Locks } from '../lock.js';
import type { LocalCopy, LocalStore } from '../store.js';
import { type Away, away } from './away.js';
import type { Terms } from './call-options.js';
import type { GuardedStore } from './circuit-breaker.js';
import type { Counters } from './counters.js';
import type { Fence, Ticket } from './fence.js';
import type { Flights } from './flights.js';
import type { Gate } from './gate.js';
import type { Journal } from './journal.js';
import type { Labels } from './labels.js';
import type { Namespaces } from './namespaces.js';
import type { Peers } from './peers.js';
import type { Refreshes } from './refreshes.js';
import type { Replay } from './replay.js';
import { undeliveredIn } from './undelivered.js';
import type { UnderWay } from './under-way.js';
import type { VersionReads } from './version-reads.js';
import type { WakeUps } from './wake-ups.js';

export { type Away, away };

/** The locks of a cache, and of each namespace by its prefix. */
export interface CacheLocks {
  of(prefix: string): Locks;
  close(): Promise<void>;
}

/** What all views of one cache share: the tiers and what keeps them true. */
export interface Core {
  readonly name: string;
  readonly clock: Clock;
  readonly local: LocalStore;
  /** `tier`: memory is L1. `stand-in`: there is no L1; memory serves only while L2 is away, and is emptied when it is back. */
  readonly localRole: 'tier' | 'stand-in';
  readonly l2: GuardedStore | undefined;
  /** What was changed and L2 has not acknowledged; empty without one. */
  readonly journal: Journal;
  /** Undefined without L2. */
  readonly replay: Replay | undefined;
  readonly fence: Fence;
  /** Which copies in L1 may be served without asking L2. */
  readonly trust: Epochs;
  /** What other processes tell; undefined without a bus. */
  readonly peers: Peers | undefined;
  readonly wakeUps: WakeUps;
  readonly flights: Flights;
  readonly refreshes: Refreshes;
  /** The keys whose lives were extended lately by being read. */
  readonly slides: Refreshes;
  readonly gate: Gate;
  readonly namespaces: Namespaces;
  /** What is known of the versions of tags and namespaces. */
  readonly labels: Labels;
  readonly versionReads: VersionReads;
  readonly locks: CacheLocks;
  readonly events: Emitter;
  readonly counters: Counters;
  readonly underWay: UnderWay;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** How long a copy may stay in L1, ms; `Infinity` for as long as its entry lives. */
  readonly localTtl: number;
  /** How long what is stored while L2 is away may live, ms. */
  readonly outageTtl: number;
  /** Called once everything is closed. Must not throw. */
  readonly onClose: (() => void) | undefined;
  closed: boolean;
  /** Set by `close()`; a second call gets the same promise. */
  closing: Promise<void> | undefined;
}

/** Runs an L2 operation that the call can do without, unless it is to `throw`. A caller's mistake (a bad value) is still thrown. */
export async function tryL2<T>(
  core: Core,
  operation: string,
  run: () => Promise<T>,
  outage: OutagePolicy = 'serve',
): Promise<T | Away> {
  try {
    return await throughGate(core, operation, run);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    noteFailure(core, operation, error);
    if (outage === 'throw') throw error;
    return away;
  }
}

/** Runs an L2 operation that the call cannot do without. */
export async function askL2<T>(core: Core, operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await throughGate(core, operation, run);
  } catch (error) {
    if (error instanceof BackendError) noteFailure(core, operation, error);
    throw error;
  }
}

export async function throughGate<T>(core: Core, operation: string, run: () => Promise<T>): Promise<T> {
  const { gate, l2 } = core;
  const entered = gate.enter();
  if (entered !== true && !(await entered)) {
    const backend = l2?.name ?? 'l2';
    throw new DeadlineError(`${operation} was not sent: too many calls were under way for its budget.`, {
      backend,
      operation,
      unsent: true,
    });
  }
  try {
    return await run();
  } finally {
    gate.leave();
  }
}

export function noteFailure(core: Core, operation: string, error: BackendError): void {
  core.counters.l2Errors += 1;
  if (core.events.heard['l2:error']) core.events.emit('l2:error', { operation, error });
}

/** Keeps in memory what L2 has too, unless something newer was acknowledged since the ticket was opened. */
export function keepCopy(core: Core, ticket: Ticket, entry: Entry): void {
  if (core.localRole !== 'tier' || core.fence.isMarked(ticket)) return;
  // What is in a namespace within is kept by those who ask there: this ticket would not have heard of its clearing.
  if (entry.versions.length - entry.tags.length > ticket.space.all.length) return;
  core.local.put(ticket.key, copyOf(core, ticket, entry));
}

/** Keeps in memory what L2 could not take: not for long, since no other process knows of it. */
export function keepForOutage(core: Core, ticket: Ticket, entry: Entry, outage: OutagePolicy): void {
  if (core.fence.isMarked(ticket) || outage !== 'serve') return;
  core.local.put(ticket.key, copyOf(core, ticket, cappedAt(entry, core.clock.now() + core.outageTtl)));
}

/** Drops a copy that L2, asked since, no longer has, so that it cannot stand in for L2 either. */
export function dropDisproved(core: Core, ticket: Ticket, found: Entry | undefined): void {
  if (core.localRole !== 'tier' || core.fence.isMarked(ticket)) return;
  const copy = core.local.get(ticket.key);
  if (copy !== undefined && copy.stamp !== found?.stamp) core.local.delete(ticket.key);
}

/** Field by field, which is several times faster than a spread. */
export function copyOf(core: Core, { space, generation, trust: epoch }: Tenure, entry: Entry): LocalCopy {
  // What came while nothing could be trusted may be served only in an outage, as of which it is as old as this.
  const ended = epoch === 0 ? cappedAt(entry, core.clock.now() + core.outageTtl) : entry;
  const { value, createdAt, freshUntil, expiresAt, cost, stamp, tags } = ended;
  const known = tags.length === 0 ? undefined : tags.map((tag) => core.labels.tag(tag));
  const versions = known === undefined ? entry.versions : shared(entry.versions, known);
  const servedUntil =
    core.localTtl === Number.POSITIVE_INFINITY ? freshUntil : Math.min(freshUntil, core.clock.now() + core.localTtl);
  return { value, createdAt, freshUntil, expiresAt, cost, stamp, tags, versions, epoch, servedUntil, space, generation, known };
}

/** With the very strings that are known: each hit compares them, which is several times faster when they are the same object. */
function shared(versions: readonly string[], known: readonly KnownLabel[]): readonly string[] {
  const first = versions.length - known.length;
  return versions.map((version, index) => {
    const present = known[index - first]?.version;
    return present === version ? present : version;
  });
}

/** What a copy in memory is kept under: where it is, and what was so when that which brings it began. */
export type Tenure = Pick<Ticket, 'space' | 'generation' | 'trust'>;

/** For what begins and ends in one step. */
export function tenureNow({ trust }: Core, space: Space): Tenure {
  return { space, generation: space.generation, trust: trust.current };
}

/** The entry alone, for those to whom epochs say nothing. */
export function entryOf({ value, createdAt, freshUntil, expiresAt, cost, stamp, tags, versions }: Entry): Entry {
  return { value, createdAt, freshUntil, expiresAt, cost, stamp, tags, versions };
}

/** Waits until it is known whether L2 is there and whether L1 can be trusted. Never rejects because of them. */
export async function readyCore(core: Core): Promise<void> {
  assertOpen(core);
  await core.l2?.ready();
  await core.peers?.ready();
}

/** How long one round trip takes, ms; nothing to speak of without L2. */
export async function pingL2(core: Core, { budget }: Terms): Promise<number> {
  const { l2, clock } = core;
  const start = clock.monotonic();
  if (l2 !== undefined) await askL2(core, 'ping', () => l2.ping(start + budget));
  return clock.monotonic() - start;
}

export function assertOpen(core: Core): void {
  if (core.closed) throw closedError(core);
}

function closedError(core: Core): ClosedError {
  return new ClosedError(`The cache '${core.name}' is closed. Build a new one; a closed one cannot be opened again.`);
}

/** Whoever reads L2 from now on may find what was not delivered, so it must not be lost without a word. */
async function deliverLast({ replay, journal, events }: Core): Promise<void> {
  await replay?.close(drainMs);
  if (journal.size > 0 && events.heard['journal:undelivered']) {
    events.emit('journal:undelivered', { ...undeliveredIn(journal.intents()), error: replay?.lastError });
  }
}

/** As long as a connection lets what was sent finish. */
const drainMs = 1_000;

/** Nothing outlives this: waiting callers get a `ClosedError`, running factories see their signal abort, connections drain. */
export function closeCore(core: Core): Promise<void> {
  core.closing ??= (async () => {
    core.closed = true;
    core.flights.endAll(closedError(core));
    // What still drains must not fill memory again, or a closed cache would answer.
    core.fence.markAll();
    core.local.clear();
    await core.locks.close();
    await core.underWay.over(core.clock, drainMs);
    core.local.clear();
    await deliverLast(core);
    await core.peers?.close();
    await core.l2?.close();
    core.onClose?.();
    core.events.clear();
  })();
  return core.closing;
}
