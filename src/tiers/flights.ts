import type { OutagePolicy } from '../cache.js';
import type { Clock, Timer } from '../clock.js';
import type { Entry } from '../entries/entry.js';
import { mayStandIn } from '../entries/freshness.js';
import type { Space } from '../entries/labels.js';
import { FactoryTimeoutError } from '../errors.js';
import type { LocalStore } from '../store.js';
import { untilAborted } from '../until-aborted.js';
import { loadOver, noteWait, refuseCircle, traced } from './circular-loads.js';
import type { Fence } from './fence.js';
import type { Flight, FlightPlan, Patience } from './flight.js';
import type { TierName } from './found.js';
import { isWithin, type Labels } from './labels.js';
import type { Refreshes } from './refreshes.js';
import { whenStaleWillDo } from './when-stale-will-do.js';

export interface FlightSettings {
  readonly fence: Fence;
  readonly clock: Clock;
  readonly local: LocalStore;
  readonly labels: Labels;
  readonly refreshes: Refreshes;
  /** Somebody was given the stand-in. */
  readonly onStandIn: (flight: Flight) => void;
  /** Whether what a flight will bring is new enough for somebody who asks only now. */
  readonly isNewEnough: (flight: Flight) => boolean;
}

/** The loads that run now, one per key and outage policy at most that callers may join: in an outage another policy gives another answer. */
export class Flights {
  readonly #tables: Readonly<Record<OutagePolicy, Map<string, Flight>>> = {
    serve: new Map(),
    source: new Map(),
    throw: new Map(),
  };
  readonly #endings = new Set<(error: unknown) => void>();

  constructor(private readonly settings: FlightSettings) {}

  get size(): number {
    return Object.values(this.#tables).reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether a load of the key runs that may still store what it makes. */
  has(key: string, outage: OutagePolicy): boolean {
    const flight = this.#tables[outage].get(key);
    return flight !== undefined && !this.settings.fence.isMarked(flight.ticket);
  }

  /**
   * A flight that was overtaken by an invalidation answers those who already wait, but takes no new ones.
   * @throws CircularLoadError when a factory asks for whose end the flight waits, were it joinable or not: that hangs on what others do
   */
  joinable(key: string, space: Space, forced: boolean, outage: OutagePolicy): Flight | undefined {
    for (const table of Object.values(this.#tables)) refuseCircle(key, table.get(key));
    const flight = this.#tables[outage].get(key);
    if (flight === undefined || !isWithin(flight.ticket.space, space) || this.settings.fence.isMarked(flight.ticket))
      return undefined;
    // Which tags its factory will name is not known yet, so it may be any that was invalidated.
    if (flight.bumps !== this.settings.labels.bumps) return undefined;
    // What it reads may be of a namespace within its own, of whose clearing its ticket does not hear.
    if (flight.clears !== this.settings.labels.clears && key.includes(':', flight.ticket.space.prefix.length)) return undefined;
    if (forced && !flight.forced) return undefined;
    return this.settings.isNewEnough(flight) ? flight : undefined;
  }

  /**
   * Starts a load. The ticket is open before the load does anything. A forced one overtakes the loads that run: whoever began before
   * it must not have the last word.
   */
  start(
    { key, space, forced, patience, outage, unattended = false, refreshed, onWaiting }: FlightPlan,
    load: (flight: Flight) => Promise<unknown>,
  ): Flight {
    const { fence, clock, labels, refreshes } = this.settings;
    const { hardTimeout } = patience;
    const abort = new AbortController();
    if (forced) fence.mark(key);
    const flight = {
      ticket: fence.open(key, space),
      learnt: labels.learnt,
      bumps: labels.bumps,
      clears: labels.clears,
      forced,
      outage,
      patience,
      isCounted: unattended,
      refreshed,
      inBackground: false,
      onOffer: new Set(),
      onWaiting,
      signal: abort.signal,
      startedAt: clock.monotonic(),
      answersBy: clock.monotonic() + hardTimeout,
      standIn: undefined,
      standInTier: 'l2',
      overdue: false,
      onGivenUp: undefined,
      ...traced(this.#tables[outage].get(key)),
    } as Flight & { done: Promise<unknown>; answer: Promise<unknown> };
    let timer: Timer;
    const staleAnswer = whenStaleWillDo(flight, patience, this.settings);

    flight.answer = new Promise((resolve, reject) => {
      const timeOut = () => {
        const error = timeoutError(key, hardTimeout);
        flight.overdue = true;
        // The flight keeps its place, so that no second slow factory piles up behind the first, but not for ever.
        timer = clock.schedule(hardTimeout, () => {
          this.#endings.delete(end);
          this.#giveUp(flight);
        });
        // Whoever was answered already gets nothing.
        if (!flight.inBackground && this.#standsIn(flight)) resolve(flight.standIn.value);
        else reject(error);
        abort.abort(error);
      };
      const end = (error: unknown) => {
        timer.cancel();
        staleAnswer.end();
        this.#giveUp(flight);
        reject(error);
        abort.abort(error);
      };
      timer = clock.schedule(hardTimeout, timeOut, unattended ? undefined : 'awaited');
      const goOnInBackground = () => {
        flight.inBackground = true;
        refreshes.begin();
      };
      if (unattended) goOnInBackground();
      else {
        staleAnswer.begin((value) => {
          goOnInBackground();
          resolve(value);
        });
      }
      this.#endings.add(end);
      this.#tables[outage].set(key, flight);
      flight.done = load(flight).finally(() => {
        timer.cancel();
        staleAnswer.end();
        if (flight.inBackground) refreshes.end();
        this.#endings.delete(end);
        // Whatever went wrong, a lease that it still has would be renewed for ever.
        this.#giveUp(flight);
      });
      flight.done.then(resolve, reject);
    });
    // When nobody waits any more its failure is told by an event.
    flight.answer.catch(() => undefined);
    return flight;
  }

  /** Another value may stand in for what the flight makes, or none any more. */
  offer(flight: Flight, entry: Entry | undefined, tier: TierName): void {
    flight.standIn = entry;
    flight.standInTier = tier;
    for (const see of [...flight.onOffer]) see();
  }

  /** Waits for a flight as one of its callers: at most `hardTimeout`, and no longer than the caller wants to. */
  wait(flight: Flight, patience: Patience, signal: AbortSignal | undefined): Promise<unknown> {
    const { local } = this.settings;
    const shared = this.#answersFor(flight, patience) ? flight.answer : this.#ownAnswer(flight, patience);
    const answer = local.handsOutReferences ? shared : shared.then((value) => local.handOut(value));
    const awaited = signal === undefined ? answer : untilAborted(answer, signal);
    noteWait(flight, awaited);
    return awaited;
  }

  /** Ends every wait with the error; running factories see their signal abort and may store nothing. */
  endAll(error: unknown): void {
    for (const end of [...this.#endings]) end(error);
  }

  /** Whether what its first caller gets, and when, is what this one wants. */
  #answersFor({ overdue, inBackground, answersBy, patience }: Flight, own: Patience): boolean {
    if (overdue || inBackground || answersBy > this.settings.clock.monotonic() + own.hardTimeout) return false;
    return patience.softTimeout === own.softTimeout && patience.swr === own.swr;
  }

  /** For a caller who waits less than the flight's first, or more, or who joins a flight whose own time has passed. */
  #ownAnswer(flight: Flight, patience: Patience): Promise<unknown> {
    const { hardTimeout } = patience;
    return new Promise((resolve, reject) => {
      if (flight.overdue && this.#standsIn(flight)) return resolve(flight.standIn.value);
      const staleAnswer = whenStaleWillDo(flight, patience, this.settings);
      const leave = () => {
        staleAnswer.end();
        timer.cancel();
        this.#endings.delete(end);
      };
      const end = (error: unknown) => {
        leave();
        reject(error);
      };
      const timeOut = () => {
        leave();
        if (this.#standsIn(flight)) resolve(flight.standIn.value);
        else reject(timeoutError(flight.ticket.key, hardTimeout));
      };
      const timer = this.settings.clock.schedule(hardTimeout, timeOut, 'awaited');
      this.#endings.add(end);
      staleAnswer.begin((value) => {
        leave();
        resolve(value);
      });
      const isLate = flight.overdue || flight.inBackground;
      const awaited = isLate || isMorePatient(patience, flight.patience) ? flight.done : flight.answer;
      awaited.finally(leave).then(resolve, reject);
    });
  }

  #standsIn(flight: Flight): flight is Flight & { standIn: Entry } {
    if (!mayStandIn(flight.standIn, this.settings.clock.now())) return false;
    this.settings.onStandIn(flight);
    return true;
  }

  #giveUp(flight: Flight): void {
    this.#leave(flight);
    flight.onGivenUp?.();
  }

  #leave(flight: Flight): void {
    const { ticket, outage } = flight;
    this.settings.fence.close(ticket);
    loadOver(flight);
    const table = this.#tables[outage];
    // A newer flight may have taken the place.
    if (table.get(ticket.key) === flight) table.delete(ticket.key);
  }
}

/** Whether somebody would not have what the other one gets stale. */
function isMorePatient(one: Patience, other: Patience): boolean {
  return one.softTimeout > other.softTimeout || one.swr < other.swr;
}

function timeoutError(key: string, ms: number): FactoryTimeoutError {
  return new FactoryTimeoutError(
    `No value within the hard time-out of ${ms} ms. Make the factory heed its signal, or raise hardTimeout.`,
    { key },
  );
}
