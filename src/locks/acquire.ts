import { isOutage } from '../errors.js';
import { untilAborted } from '../until-aborted.js';
import { closedError, type LockCore, newClaim } from './core.js';
import { drift, HeldLock } from './held-lock.js';
import { leave } from './leave.js';
import type { Place } from './lines.js';
import type { LockTerms } from './lock-options.js';
import { type Claim, handOverMs } from './node.js';
import type { Vote } from './quorum.js';
import { within } from './within.js';

/** Who waits already outlasts an outage of so long, as a fail-over takes; ms. */
const patienceMs = 30_000;
/** Between two requests where something is wrong: from so long… */
const firstPauseMs = 10;
/** … to so long, ms. */
const longestPauseMs = 1_000;
/** How often the first in line asks where nobody can tell it anything, ms. */
const deafPauseMs = 100;
/** A lock has ended when its time is up, not before; ms. */
const grainMs = 2;

/** A call that wants a lock. */
interface Call {
  claim: Claim;
  readonly terms: LockTerms;
  /** Its place among those that wait, if it would. */
  place: Place | undefined;
  /** Nobody waits for its outcome any more. */
  isOver: boolean;
  /** Until when a request that was not answered may yet be carried out. */
  unsettledUntil: number;
}

/**
 * The lock, or `undefined` when it was not free in time. Whoever gives up, by time-out or signal, leaves the line at once.
 * @throws the error that was met where the nodes cannot be asked
 */
export async function acquire(core: LockCore, resource: string, terms: LockTerms): Promise<HeldLock | undefined> {
  const { wait, signal } = terms;
  const call: Call = { claim: newClaim(core, resource), terms, place: undefined, isOver: false, unsettledUntil: 0 };
  const giveUp = () => {
    call.isOver = true;
    call.place?.leave();
  };
  const pursuit = pursue(core, call);
  let lock: HeldLock | undefined;
  try {
    const inTime = wait === 0 ? pursuit : within(core.clock, pursuit, wait);
    lock = await (signal === undefined ? inTime : untilAborted(inTime, signal));
    return lock;
  } finally {
    if (lock === undefined) {
      giveUp();
      // It may have come at the very moment.
      pursuit.then(
        (late) => late?.release(),
        () => undefined,
      );
    }
  }
}

/** Asks, and waits to be told to ask again, until the lock is had or nobody wants it any more. */
async function pursue(core: LockCore, call: Call): Promise<HeldLock | undefined> {
  const { clock, quorum, lines, metrics } = core;
  const { terms } = call;
  const { resource } = call.claim;
  const waits = terms.wait > 0;
  let ticket: number | undefined;
  let awaySince: number | undefined;
  let pause = firstPauseMs;
  // From before the first request: what it leads to may be told sooner than it is answered.
  if (waits) call.place = lines.join(resource, call.claim.token);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const askedAt = clock.monotonic();
      const deadline = askedAt + terms.budget;
      const { ttl: ms } = terms;
      const vote = await quorum.ask({ ...call.claim, ms, floor: core.floor, waits, ticket }, deadline);
      if (isUnknown(vote)) call.unsettledUntil = deadline;
      if (call.isOver || core.closed) return leaveNow(core, call, vote);
      if (vote.state === 'granted') {
        const lock = await take(core, call, vote.fence, askedAt);
        if (lock !== undefined) return lock;
      }
      if (isFirst) metrics.contended(resource);
      if (vote.state === 'away') {
        awaySince ??= clock.monotonic();
        const isOutlasted = !isFirst && isOutage(vote.error) && clock.monotonic() - awaySince < patienceMs;
        if (!isOutlasted) {
          leaveNow(core, call, vote);
          throw vote.error;
        }
      } else awaySince = undefined;
      if (call.place === undefined || call.isOver || core.closed) return leaveNow(core, call, vote);

      const isPlaced: boolean = ticket !== undefined;
      if (vote.state === 'held') ticket ??= vote.ticket;
      // The nodes gave it tickets of their own: now they are told the one.
      if (!quorum.isAlone && !isPlaced && ticket !== undefined) continue;
      if (vote.state === 'granted' && !quorum.isAlone) startAnew(core, call, deadline);
      const isWrong = vote.state !== 'held' || vote.part;
      await call.place.told(isWrong ? pause : pauseOf(core, call.place, vote.ms));
      pause = isWrong ? Math.min(pause * 2, longestPauseMs) : firstPauseMs;
      if (call.isOver || core.closed) return leaveNow(core, call, vote);
    }
  } finally {
    call.place?.leave();
  }
}

/**
 * What only some of the nodes have confirmed is the claim's own there, and makes way for nobody. So it is given back, and the call goes on under another
 * claim, which keeps its place.
 */
function startAnew(core: LockCore, call: Call, unsettledUntil: number): void {
  const { ttl, budget } = call.terms;
  void leave(core, call.claim, { until: core.clock.monotonic() + ttl, budget, unsettledUntil });
  call.claim = newClaim(core, call.claim.resource);
  call.place?.leave();
  call.place = core.lines.join(call.claim.resource, call.claim.token);
}

/** What it was given is its own from when it was asked for, unless that is over already, or was no majority's. */
async function take(
  core: LockCore,
  { claim, terms, unsettledUntil }: Call,
  fence: number,
  askedAt: number,
): Promise<HeldLock | undefined> {
  const { clock, quorum } = core;
  const { ttl, autoRenew, budget } = terms;
  core.floor = Math.max(core.floor, fence);
  let since = askedAt;
  if (!quorum.isAlone) {
    since = clock.monotonic();
    // Later, somebody else may have had it in between, and the fence would be below his.
    const lapsesAt = askedAt + handOverMs - drift(handOverMs);
    if (!(await quorum.confirm(claim, fence, ttl, Math.min(since + budget, lapsesAt)))) return undefined;
  }
  // Not given back: the claim asks again, and what it then has must not be taken from it by a give-back that comes late.
  if (core.closed || clock.monotonic() >= since + ttl - drift(ttl)) return undefined;
  return new HeldLock(core, { claim, fence, ttl, autoRenew, budget, since, unsettledUntil });
}

/** Only the first in line asks of its own accord: when the lock ends unless it is renewed, and soon where nobody can tell it. */
function pauseOf({ quorum }: LockCore, place: Place, ms: number): number {
  if (!place.isFirst) return Number.POSITIVE_INFINITY;
  return quorum.isHeard ? ms + grainMs : Math.min(ms + grainMs, deafPauseMs);
}

/** Whatever it was given, or may be given yet, nobody wants it. */
function leaveNow(core: LockCore, { claim, terms, unsettledUntil }: Call, vote: Vote): undefined {
  const { ttl, wait, budget } = terms;
  const mayHave = vote.state === 'granted' || isUnknown(vote) || wait > 0 || (vote.state === 'held' && vote.part);
  if (mayHave) void leave(core, claim, { until: core.clock.monotonic() + ttl, budget, unsettledUntil });
  if (core.closed) throw closedError();
}

function isUnknown(vote: Vote): boolean {
  return vote.state === 'away' && !('unsent' in vote.error && vote.error.unsent);
}
