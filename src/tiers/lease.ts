import type { Clock } from '../clock.js';
import { type Entry, newStamp } from '../entries/entry.js';
import { isFresh, mayStandIn } from '../entries/freshness.js';
import type { Leases } from '../store.js';
import type { Budget } from './budget.js';
import { away, type Core, tryL2 } from './core.js';
import type { Flight } from './flights.js';

/** What asking for the right to fill a key led to. */
export type Right =
  | { readonly state: 'leased'; readonly lease: HeldLease }
  /** Somebody else filled it, or fills it now and a stale value may stand in. */
  | { readonly state: 'found'; readonly entry: Entry; readonly stale: boolean }
  /** L2 knows no leases (a custom store), or there is no L2: only this process's own flight keeps others off. */
  | { readonly state: 'unleased' }
  /** L2 is away. */
  | { readonly state: 'away' };

export interface HeldLease {
  /** Whether the entry was stored; false when the lease was voided meanwhile by a newer write or delete. */
  fill(entry: Entry, budget: Budget): Promise<boolean>;
  release(budget: Budget): Promise<void>;
}

/** Without a bus a waiting process asks again: soon at first, since most factories are quick, then less often. */
const firstPauseMs = 4;
const longestPauseMs = 50;

/**
 * Takes the lease of a key, or waits for whoever has it. A waiter takes over only when the lease is gone, never after a fixed wait:
 * a slow factory whose process lives keeps its lease.
 */
export async function takeLease(core: Core, flight: Flight, found: Entry | undefined, budget: Budget): Promise<Right> {
  const leases = core.l2?.leases;
  if (leases === undefined) return { state: 'unleased' };
  const key = flight.ticket.key;
  let seen = found?.stamp ?? '';
  let pause = firstPauseMs;
  for (;;) {
    // A new token each time: one that was asked before may be voided already, and must not come to life again.
    const token = newStamp();
    const reply = await tryL2(core, 'load', () => budget.poll((deadline) => leases.load(key, token, seen, deadline)));
    if (reply === away) return { state: 'away' };
    switch (reply.state) {
      case 'granted':
        return { state: 'leased', lease: hold(core, flight, leases, token) };
      case 'unusable':
        seen = '*';
        break;
      case 'newer':
        seen = reply.entry.stamp;
        if (flight.forced) break;
        if (isFresh(reply.entry, core.clock.now())) return { state: 'found', entry: reply.entry, stale: false };
        flight.standIn = reply.entry;
        break;
      case 'held':
        if (mayStandIn(flight.standIn, core.clock.now())) return { state: 'found', entry: flight.standIn, stale: true };
        await sleep(core.clock, Math.min(pause * (0.5 + Math.random()), reply.ms + 1), flight.signal);
        pause = Math.min(pause * 1.5, longestPauseMs);
    }
  }
}

/** Keeps a lease alive while the factory runs: renewed at a third of its life, until it is used, lost or abandoned. */
function hold(core: Core, flight: Flight, leases: Leases, token: string): HeldLease {
  const { clock } = core;
  const key = flight.ticket.key;
  const third = leases.ms / 3;
  let over = false;
  let timer = clock.schedule(third, renew);
  flight.signal.addEventListener('abort', endIfAbandoned, { once: true });

  function renew(): void {
    if (over || flight.abandoned) return;
    tryL2(core, 'renew', () => leases.renew(key, token, clock.monotonic() + third)).then((kept) => {
      // Away: it may still be there at the next try, and if it is not, the fill will be refused.
      if (!over && kept !== false) timer = clock.schedule(third, renew);
    }, end);
  }

  function end(): void {
    over = true;
    timer.cancel();
    flight.signal.removeEventListener('abort', endIfAbandoned);
  }

  /** A hard time-out aborts the signal too, but the slow factory keeps its lease; a closed cache does not. */
  function endIfAbandoned(): void {
    if (flight.abandoned) end();
  }

  return {
    fill(entry, budget) {
      end();
      return budget.spend((deadline) => leases.fill(key, token, entry, deadline));
    },
    async release(budget) {
      end();
      await tryL2(core, 'release', () => budget.spend((deadline) => leases.release(key, token, deadline)));
    },
  };
}

function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.schedule(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
