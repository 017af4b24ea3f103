import type { Timer } from '../clock.js';
import type { Duration } from '../duration.js';
import { type ClosedError, LockLostError } from '../errors.js';
import type { Lock } from '../lock.js';
import type { Holder, LockCore } from './core.js';
import { leave } from './leave.js';
import { lockTtlIn } from './lock-options.js';
import type { Claim } from './node.js';
import type { RenewalRound } from './renewals.js';

/** How long the nodes' clocks may have run ahead of ours in the life of a lock: 1 %, and 2 ms for the grain of clocks and timers. */
export function drift(ttl: number): number {
  return ttl / 100 + 2;
}

export interface Holding {
  readonly claim: Claim;
  readonly fence: number;
  readonly ttl: number;
  readonly autoRenew: boolean;
  readonly budget: number;
  /** When the request was sent that gave it its life, on the monotonic clock. */
  readonly since: number;
  /** Until when an earlier request for it may yet be carried out. */
  readonly unsettledUntil: number;
}

/** A lock that this process has, for as long as it can rely on that. */
export class HeldLock implements Lock, Holder {
  readonly fencingToken: number;
  readonly scope: Lock['scope'];
  readonly #core: LockCore;
  readonly #claim: Claim;
  readonly #autoRenew: boolean;
  readonly #budget: number;
  readonly #takenAt: number;
  readonly #unsettledUntil: number;
  #ttl: number;
  #validUntil: number;
  #state: 'held' | 'released' | 'lost' = 'held';
  #lostBy: LockLostError | undefined;
  #controller: AbortController | undefined;
  #rounds = 0;
  /** The latest of them that was answered: what came before it has been overtaken. */
  #answered = 0;
  /** By when it would have ended by the longest-lasting of the requests so far. */
  #latest: number;
  /** A request for a shorter life, which may have been carried out, and after every one that came before; until when it may be yet. */
  #cap: { readonly round: number; readonly until: number; readonly deadline: number } | undefined;
  #end: Timer | undefined;
  #notDue: (() => void) | undefined;

  constructor(core: LockCore, { claim, fence, ttl, autoRenew, budget, since, unsettledUntil }: Holding) {
    this.#core = core;
    this.#claim = claim;
    this.fencingToken = fence;
    this.scope = core.scope;
    this.#ttl = ttl;
    this.#autoRenew = autoRenew;
    this.#budget = budget;
    this.#takenAt = core.clock.monotonic();
    this.#unsettledUntil = unsettledUntil;
    this.#validUntil = since + ttl - drift(ttl);
    this.#latest = this.#validUntil;
    core.held.set(claim.token, this);
    this.#watch();
    this.#plan(since);
  }

  get resource(): string {
    return this.#claim.resource;
  }

  get isHeld(): boolean {
    // After a pause of the process this is asked before any timer has run.
    if (this.#state === 'held' && this.#core.clock.monotonic() >= this.#validUntil) this.#expire();
    return this.#state === 'held';
  }

  get signal(): AbortSignal {
    const isHeld = this.isHeld;
    this.#controller ??= new AbortController();
    if (!isHeld && this.#lostBy !== undefined) this.#controller.abort(this.#lostBy);
    return this.#controller.signal;
  }

  async refresh(ttl?: Duration): Promise<void> {
    const ms = ttl === undefined ? this.#ttl : lockTtlIn(ttl);
    await new Promise<void>((resolve, reject) => {
      const round = this.beginRenewal(ms, (error) => (error === undefined ? resolve() : reject(error)));
      if (round === undefined) reject(this.#noMore());
      else this.#core.renewals.send([round]);
    });
  }

  async release(): Promise<boolean> {
    if (!this.isHeld) return false;
    this.#over('released');
    this.#core.metrics.released(this.resource, this.fencingToken, this.#core.clock.monotonic() - this.#takenAt);
    return this.#leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  /** A request for a new life, for all nodes; undefined when there is nothing to renew any more. */
  beginRenewal(ttl = this.#ttl, settled?: (error?: Error) => void): RenewalRound | undefined {
    if (!this.isHeld) return undefined;
    const { quorum, clock } = this.#core;
    const sentAt = clock.monotonic();
    const deadline = Math.min(sentAt + this.#budget, Math.max(this.#validUntil, sentAt + 1));
    this.#notDue?.();
    // From now on it is this long: a renewal that goes out before the answer must not undo it.
    this.#ttl = ttl;
    const round = this.#ask(sentAt + ttl - drift(ttl), deadline);
    let [yes, no, failed] = [0, 0, 0];
    let error: Error | undefined;
    let isSettled = false;
    const settle = (failure?: Error) => {
      isSettled = true;
      settled?.(failure);
    };
    return {
      ...this.#claim,
      ms: ttl,
      deadline,
      heard: (reply) => {
        if (isSettled) return;
        if (reply === true) yes += 1;
        else if (reply === false) no += 1;
        else {
          failed += 1;
          error = reply;
        }
        const most = quorum.nodes.length - no - failed;
        if (!this.isHeld) settle(this.#noMore());
        else if (yes >= quorum.majority) {
          this.#extend(round, sentAt, sentAt + ttl - drift(ttl));
          settle();
        } else if (quorum.nodes.length - no < quorum.majority) {
          this.lose('somebody else has it, or Redis has lost it');
          if (!quorum.isAlone) void this.#leave();
          settle(this.#noMore());
        } else if (most < quorum.majority) {
          // Not known: it is held until its life ends, and asked for again before.
          this.#planSoon();
          settle(error);
        }
      },
    };
  }

  lose(reason: string, cause?: unknown): void {
    if (this.#state !== 'held') return;
    const { resource } = this.#claim;
    const message = `The lock '${resource}' was lost: ${reason}. What it protects may be somebody else's now.`;
    this.#lostBy = new LockLostError(message, { resource, ...(cause !== undefined && { cause }) });
    this.#over('lost');
    const held = this.#core.clock.monotonic() - this.#takenAt;
    this.#core.metrics.lost(resource, this.fencingToken, held, this.#lostBy);
    this.#controller?.abort(this.#lostBy);
  }

  /** The locks are closed. */
  async close(error: ClosedError): Promise<void> {
    if (!this.isHeld) return;
    this.lose('its locks were closed', error);
    await this.#leave();
  }

  #expire(): void {
    this.lose('its life ended before it was renewed');
    // It may not have ended there yet, and whoever waits need not wait for that.
    void this.#leave();
  }

  #leave(): Promise<boolean> {
    const until = Math.max(this.#latest, this.#core.clock.monotonic() + this.#ttl);
    return leave(this.#core, this.#claim, { until, budget: this.#budget, unsettledUntil: this.#unsettledUntil });
  }

  #noMore(): LockLostError {
    const { resource } = this.#claim;
    return this.#lostBy ?? new LockLostError(`The lock '${resource}' was released. Acquire it anew.`, { resource });
  }

  /** From now on it may end by what is asked for, if that is sooner. */
  #ask(until: number, deadline: number): number {
    this.#rounds += 1;
    if (until < this.#latest) {
      this.#cap = { round: this.#rounds, until: Math.min(until, this.#cap?.until ?? until), deadline };
    } else this.#latest = until;
    if (until < this.#validUntil) {
      this.#validUntil = until;
      this.#end?.cancel();
      this.#watch();
    }
    return this.#rounds;
  }

  #extend(round: number, since: number, until: number): void {
    if (round < this.#answered) return;
    this.#answered = round;
    const cap = this.#cap;
    if (cap !== undefined && (round === cap.round || since > cap.deadline)) this.#cap = undefined;
    this.#validUntil = Math.max(this.#validUntil, Math.min(until, this.#cap?.until ?? Number.POSITIVE_INFINITY));
    this.#latest = Math.max(this.#validUntil, this.#cap === undefined ? 0 : this.#latest);
    this.#plan(since);
  }

  #plan(since: number): void {
    if (this.#autoRenew) this.#notDue = this.#core.renewals.add(this, since + this.#ttl / 3, this.#ttl);
  }

  #planSoon(): void {
    const pause = Math.min(this.#ttl / 10, 1_000);
    if (this.#autoRenew) this.#notDue = this.#core.renewals.add(this, this.#core.clock.monotonic() + pause, this.#ttl);
  }

  /** The timer is not moved with each renewal: it finds out that there is time left. */
  #watch(): void {
    const { clock } = this.#core;
    this.#end = clock.schedule(Math.max(0, this.#validUntil - clock.monotonic()), () => {
      if (this.isHeld) this.#watch();
    });
  }

  #over(state: 'released' | 'lost'): void {
    this.#state = state;
    this.#end?.cancel();
    this.#notDue?.();
    this.#core.held.delete(this.#claim.token);
  }
}
