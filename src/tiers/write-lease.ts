import { newStamp } from '../entries/entry.js';
import type { Budget } from './budget.js';
import { away, type Core, tryL2 } from './core.js';
import {
  firstPauseMs,
  type HeldLease,
  hold,
  type LeaseHolder,
  letGo,
  longestPauseMs,
  pauseNow,
  waitForLease,
} from './lease.js';

/**
 * What a writer may do once the source has what it writes. `leased`: fill. `alone`: there is no L2. `unleased`: nobody else can be kept off, so what is
 * in the tiers has to go. `away`: that too, and L2 will be told of it later.
 */
export type WriteRight =
  | { readonly state: 'leased'; readonly lease: HeldLease }
  | { readonly state: 'alone' | 'unleased' | 'away'; readonly lease?: undefined };

/**
 * The lease of a key, for somebody who is about to change the source. Whoever has it already is waited for, at most `wait` ms: another writer to whom the
 * source may listen first, or a loader that may have read it already. What is cached stays and serves until the fill.
 */
export async function takeWriteLease(core: Core, holder: LeaseHolder, budget: Budget, wait: number): Promise<WriteRight> {
  const { l2, clock, fence, wakeUps } = core;
  if (l2 === undefined) return { state: 'alone' };
  const { leases } = l2;
  if (leases === undefined) return { state: 'unleased' };
  const { key } = holder.ticket;
  const until = clock.monotonic() + wait;
  const waiter = { signal: new AbortController().signal, onWaiting: undefined };
  let seen = core.local.get(key)?.stamp ?? '';
  let pause = firstPauseMs;
  while (!budget.gone) {
    const wakeUp = wakeUps.register(key);
    const token = newStamp();
    // That a loader failed says nothing about a writer.
    const reply = await tryL2(core, 'load', () => budget.poll((by) => leases.load(key, token, seen, by, 'ignored')));
    if (reply === away) {
      wakeUp.cancel();
      letGo(clock, leases, key, token);
      return { state: 'away' };
    }
    if (reply.state !== 'held') wakeUp.cancel();
    switch (reply.state) {
      case 'granted':
        // The lease answers for what was acknowledged before; what comes from here on voids it, or marks the ticket.
        fence.renew(holder.ticket);
        return { state: 'leased', lease: hold(core, holder, leases, token, false) };
      case 'newer':
        seen = reply.entry.stamp;
        break;
      case 'unusable':
        seen = reply.stamp;
        break;
      case 'held': {
        const left = until - clock.monotonic();
        if (left <= 0) {
          wakeUp.cancel();
          return { state: 'unleased' };
        }
        await waitForLease(core, wakeUp, Math.min(pauseNow(core, pause), reply.ms + 1, left), waiter);
        pause = Math.min(pause * 1.5, longestPauseMs);
        break;
      }
      default:
        return { state: 'unleased' };
    }
  }
  return { state: 'unleased' };
}
