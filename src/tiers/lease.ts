import type { Clock } from '../clock.js';
import { type Entry, newStamp } from '../entries/entry.js';
import { isFresh, mayStandIn } from '../entries/freshness.js';
import type { Leases } from '../store.js';
import type { Budget } from './budget.js';
import { type Away, away, type Core, tryL2 } from './core.js';
import type { Flight } from './flight.js';
import type { Found } from './found.js';
import { judge } from './judge.js';
import type { WakeUp } from './wake-ups.js';

/** What asking for the right to fill a key led to. */
export type Right =
  | RightToFill
  /** Somebody else filled it. */
  | { readonly state: 'filled'; readonly entry: Entry }
  /** Somebody else fills it now and a stale value may stand in. */
  | { readonly state: 'filling'; readonly entry: Entry /** When to ask again. */; readonly ms: number };

export interface RightToFill {
  /**
   * `unleased`: L2 knows no leases (a custom store), or there is no L2, so only this process's own flight keeps others off.
   * `away`: L2 cannot be asked. `moving`: it gives no lease for this key just now, so what is made may be stored nowhere.
   */
  readonly state: 'leased' | 'unleased' | 'away' | 'moving';
  readonly lease: HeldLease | undefined;
  /** The newest entry seen: what a fill would replace. */
  readonly replaces: Entry | undefined;
}

/** Whatever has a lease. */
export type LeaseHolder = Pick<Flight, 'ticket' | 'onGivenUp'>;

export interface HeldLease {
  /** Whether the entry was stored; false when the lease was voided meanwhile by a newer write or delete. */
  fill(entry: Entry, budget: Budget): Promise<boolean | Away>;
  /**
   * `failed`: the factory did, and nothing stands in, so that other processes had better not try at once. `stale`: something does, and nobody is to
   * try for `backOff` ms.
   */
  release(budget: Budget, why?: 'failed' | 'stale', backOff?: number): Promise<void>;
}

/** Without a bus a waiting process asks again: soon at first, since most factories are quick, then less often. */
export const firstPauseMs = 4;
export const longestPauseMs = 50;
/** With a bus it is woken. A message that is lost is noticed by trust; this is for what nobody thought of. */
const pauseWithBusMs = 250;
/** After a failure somebody waited for, the next process tries so much later; the one that failed draws it. */
const shortestBackOffMs = 100;
const longestBackOffMs = 250;
/** A load that has been put off so long tries in spite of newer failures: with many processes its turn might never come. */
const patienceMs = 1_000;

/**
 * Takes the lease of a key, or waits for whoever has it. A waiter takes over only when the lease is gone, never after a fixed wait:
 * a slow factory whose process lives keeps its lease.
 */
export async function takeLease(core: Core, flight: Flight, found: Found, budget: Budget): Promise<Right> {
  const leases = core.l2?.leases;
  if (leases === undefined) return { state: 'unleased', lease: undefined, replaces: found.entry };
  const { key, space } = flight.ticket;
  let replaces = found.entry;
  let seen = found.seen ?? '';
  let pause = firstPauseMs;
  let putOffSince = Number.POSITIVE_INFINITY;
  for (;;) {
    if (budget.gone) return { state: 'away', lease: undefined, replaces };
    // What is asked only now is answered as of now, whatever was acknowledged before. But what was read before that must not be used.
    if (core.fence.renew(flight.ticket)) {
      replaces = undefined;
      core.flights.offer(flight, undefined, 'l2');
    }
    const wakeUp = core.wakeUps.register(key);
    // A new token each time: one that was asked before may be voided already, and must not come to life again.
    const token = newStamp();
    const failure = core.clock.monotonic() - putOffSince < patienceMs ? 'heeded' : 'ignored';
    const reply = await tryL2(core, 'load', () => budget.poll((until) => leases.load(key, token, seen, until, failure)));
    if (reply === away) {
      wakeUp.cancel();
      letGo(core.clock, leases, key, token);
      return { state: 'away', lease: undefined, replaces };
    }
    if (reply.state !== 'held' && reply.state !== 'failed') wakeUp.cancel();
    switch (reply.state) {
      case 'granted':
        // From here on the lease answers for the value: a later write voids it, and an earlier one the factory will see. But what
        // was read before that one must not come back.
        if (core.fence.renew(flight.ticket)) {
          replaces = undefined;
          core.flights.offer(flight, undefined, 'l2');
        }
        return { state: 'leased', lease: hold(core, flight, leases, token, Number.isFinite(putOffSince)), replaces };
      case 'moving':
        return { state: 'moving', lease: undefined, replaces };
      case 'unusable':
        seen = reply.stamp;
        replaces = undefined;
        break;
      case 'newer': {
        seen = reply.entry.stamp;
        const newer = await budget.spend(async (deadline) => judge(core, space, key, reply.entry, deadline));
        if (newer === away) return { state: 'away', lease: undefined, replaces };
        replaces = newer;
        if (flight.forced) break;
        if (isFresh(newer, core.clock.now())) return { state: 'filled', entry: newer };
        core.flights.offer(flight, newer, 'l2');
        break;
      }
      case 'held':
        if (mayStandIn(flight.standIn, core.clock.now())) {
          wakeUp.cancel();
          return { state: 'filling', entry: flight.standIn, ms: Math.min(pauseWithBusMs, reply.ms) };
        }
        await waitForLease(core, wakeUp, Math.min(pauseNow(core, pause), reply.ms + 1), flight);
        pause = Math.min(pause * 1.5, longestPauseMs);
        break;
      case 'failed':
        if (mayStandIn(flight.standIn, core.clock.now())) {
          wakeUp.cancel();
          return { state: 'filling', entry: flight.standIn, ms: reply.ms };
        }
        if (reply.ms > longestBackOffMs) {
          // So long nobody is put off but for what stood in then, and here nothing does.
          wakeUp.cancel();
          putOffSince = Number.NEGATIVE_INFINITY;
          break;
        }
        putOffSince = Math.min(putOffSince, core.clock.monotonic());
        await waitForLease(core, wakeUp, Math.min(reply.ms, longestBackOffMs) + 1, flight);
    }
  }
}

/**
 * Keeps a lease alive while the factory runs: renewed at a third of its life, until it is used, lost or given up. Others are put off by
 * a failure if one was turned away meanwhile, or if this load was put off itself: then the others most likely wait for the same moment.
 */
export function hold(core: Core, flight: LeaseHolder, leases: Leases, token: string, wasPutOff: boolean): HeldLease {
  const { clock } = core;
  const { key } = flight.ticket;
  const third = leases.ms / 3;
  let over = false;
  let timer = clock.schedule(third, renew);
  flight.onGivenUp = () => {
    if (end()) letGo(clock, leases, key, token);
  };

  function renew(): void {
    const asked = clock.monotonic();
    tryL2(core, 'renew', () => leases.renew(key, token, asked + third)).then((kept) => {
      // Away: it may still be there at the next try, and if it is not, the fill will be refused.
      if (!over && kept !== false) timer = clock.schedule(asked + third - clock.monotonic(), renew);
    }, end);
  }

  /** False when it was over already. */
  function end(): boolean {
    if (over) return false;
    over = true;
    timer.cancel();
    flight.onGivenUp = undefined;
    return true;
  }

  return {
    async fill(entry, budget) {
      end();
      let stored: boolean | Away = away;
      try {
        stored = await tryL2(core, 'fill', () => budget.spend((deadline) => leases.fill(key, token, entry, deadline)));
        return stored;
      } finally {
        // Also if what was made cannot be encoded.
        if (stored === away) letGo(clock, leases, key, token);
      }
    },
    async release(budget, why, backOff = newBackOff()) {
      if (!end()) return;
      const failure = why === undefined || backOff === 0 ? undefined : { backOff, always: wasPutOff || why === 'stale' };
      await tryL2(core, 'release', () => budget.spend((deadline) => leases.release(key, token, deadline, failure)));
    },
  };
}

/**
 * Gives up a lease that may be there or not: a request whose reply never came may have been executed, and a lease that nobody knows
 * of would hold every process off until its end. Nobody waits for this.
 */
export function letGo(clock: Clock, leases: Leases, key: string, token: string): void {
  leases.release(key, token, clock.monotonic() + leases.ms / 3).catch(() => undefined);
}

function newBackOff(): number {
  return Math.round(shortestBackOffMs + Math.random() * (longestBackOffMs - shortestBackOffMs));
}

export function pauseNow({ peers, trust }: Core, pause: number): number {
  return (peers !== undefined && trust.current !== 0 ? pauseWithBusMs : pause) * (0.5 + Math.random());
}

export async function waitForLease(
  core: Core,
  wakeUp: WakeUp,
  ms: number,
  { signal, onWaiting }: Pick<Flight, 'signal' | 'onWaiting'>,
): Promise<void> {
  onWaiting?.(true);
  try {
    await sleep(core.clock, ms, signal, wakeUp);
  } finally {
    wakeUp.cancel();
    onWaiting?.(false);
  }
}

function sleep(clock: Clock, ms: number, signal: AbortSignal, wakeUp: WakeUp): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const awake = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const timer = clock.schedule(ms, awake, 'awaited');
    signal.addEventListener('abort', onAbort, { once: true });
    wakeUp.onRing = awake;
  });
}
