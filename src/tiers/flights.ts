import type { OutagePolicy } from '../cache.js';
import type { Clock, Timer } from '../clock.js';
import type { Entry } from '../entries/entry.js';
import { mayStandIn } from '../entries/freshness.js';
import type { Space } from '../entries/labels.js';
import { FactoryTimeoutError } from '../errors.js';
import type { LocalStore } from '../store.js';
import { loadOver, noteWait, refuseCircle, type TracedLoad, traced } from './circular-loads.js';
import type { Fence, Ticket } from './fence.js';
import type { TierName } from './found.js';
import { isWithin, type Labels } from './labels.js';
import { untilAborted } from './until-aborted.js';

/** One running load of one key in this process. */
export interface Flight extends TracedLoad {
  /** Open until the load has stored what it will store, or may store nothing any more. */
  readonly ticket: Ticket;
  /** When it began, on the monotonic clock. */
  readonly startedAt: number;
  /** Whether it was started to replace even a fresh value. */
  readonly forced: boolean;
  readonly outage: OutagePolicy;
  /** All that was learnt of versions when it began, and how many tags had been invalidated and namespaces cleared. */
  readonly learnt: number;
  readonly bumps: number;
  readonly clears: number;
  /** Settles as the load does, however long that takes. */
  readonly done: Promise<unknown>;
  /** Settles as the load does, or at the hard time-out with the stand-in or a `FactoryTimeoutError`. */
  readonly answer: Promise<unknown>;
  /** When `answer` settles at the latest, on the monotonic clock. */
  readonly answersBy: number;
  /** Aborts at the hard time-out and at close. */
  readonly signal: AbortSignal;
  /** The stale entry that may answer when the factory cannot, and where it was found. */
  standIn: Entry | undefined;
  standInTier: TierName;
  /** The hard time-out has passed, the load still runs. */
  overdue: boolean;
  /** Called when it is given up: overdue for a whole hard time-out, the cache was closed, or it failed with its lease still held. */
  onGivenUp: (() => void) | undefined;
}

export interface FlightPlan {
  readonly key: string;
  readonly space: Space;
  readonly forced: boolean;
  /** How long its callers wait, ms. */
  readonly hardTimeout: number;
  readonly outage: OutagePolicy;
}

/** The loads that run now, one per key and outage policy at most that callers may join: in an outage another policy gives another answer. */
export class Flights {
  readonly #tables: Readonly<Record<OutagePolicy, Map<string, Flight>>> = {
    serve: new Map(),
    source: new Map(),
    throw: new Map(),
  };
  readonly #endings = new Set<(error: unknown) => void>();

  constructor(
    private readonly fence: Fence,
    private readonly clock: Clock,
    private readonly local: LocalStore,
    private readonly labels: Labels,
    private readonly onStandIn: (flight: Flight) => void,
    /** Whether what it will bring is new enough for somebody who asks only now. */
    private readonly isNewEnough: (flight: Flight) => boolean = () => true,
  ) {}

  get size(): number {
    return Object.values(this.#tables).reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * A flight that was overtaken by an invalidation answers those who already wait, but takes no new ones.
   * @throws CircularLoadError when a factory asks for whose end the flight waits, were it joinable or not: that hangs on what others do
   */
  joinable(key: string, space: Space, forced: boolean, outage: OutagePolicy): Flight | undefined {
    for (const table of Object.values(this.#tables)) refuseCircle(key, table.get(key));
    const flight = this.#tables[outage].get(key);
    if (flight === undefined || !isWithin(flight.ticket.space, space) || this.fence.isMarked(flight.ticket)) return undefined;
    // Which tags its factory will name is not known yet, so it may be any that was invalidated.
    if (flight.bumps !== this.labels.bumps) return undefined;
    // What it reads may be of a namespace within its own, of whose clearing its ticket does not hear.
    if (flight.clears !== this.labels.clears && key.includes(':', flight.ticket.space.prefix.length)) return undefined;
    if (forced && !flight.forced) return undefined;
    return this.isNewEnough(flight) ? flight : undefined;
  }

  /**
   * Starts a load. The ticket is open before the load does anything. A forced one overtakes the loads that run: whoever began before
   * it must not have the last word.
   */
  start({ key, space, forced, hardTimeout, outage }: FlightPlan, load: (flight: Flight) => Promise<unknown>): Flight {
    const { fence, clock, labels } = this;
    const abort = new AbortController();
    if (forced) fence.mark(key);
    const flight = {
      ticket: fence.open(key, space),
      learnt: labels.learnt,
      bumps: labels.bumps,
      clears: labels.clears,
      forced,
      outage,
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

    flight.answer = new Promise((resolve, reject) => {
      const timeOut = () => {
        const error = timeoutError(key, hardTimeout);
        flight.overdue = true;
        // The flight keeps its place, so that no second slow factory piles up behind the first, but not for ever.
        timer = clock.schedule(hardTimeout, () => {
          this.#endings.delete(end);
          this.#giveUp(flight);
        });
        if (this.#standsIn(flight)) resolve(flight.standIn.value);
        else reject(error);
        abort.abort(error);
      };
      const end = (error: unknown) => {
        timer.cancel();
        this.#giveUp(flight);
        reject(error);
        abort.abort(error);
      };
      timer = clock.schedule(hardTimeout, timeOut, 'awaited');
      this.#endings.add(end);
      this.#tables[outage].set(key, flight);
      flight.done = load(flight).finally(() => {
        timer.cancel();
        this.#endings.delete(end);
        // Whatever went wrong, a lease that it still has would be renewed for ever.
        this.#giveUp(flight);
      });
      flight.done.then(resolve, reject);
    });
    return flight;
  }

  /** Waits for a flight as one of its callers: at most `hardTimeout`, and no longer than the caller wants to. */
  wait(flight: Flight, hardTimeout: number, signal: AbortSignal | undefined): Promise<unknown> {
    const soonEnough = !flight.overdue && flight.answersBy <= this.clock.monotonic() + hardTimeout;
    const shared = soonEnough ? flight.answer : this.#ownAnswer(flight, hardTimeout);
    const answer = this.local.handsOutReferences ? shared : shared.then((value) => this.local.handOut(value));
    const awaited = signal === undefined ? answer : untilAborted(answer, signal);
    noteWait(flight, awaited);
    return awaited;
  }

  /** Ends every wait with the error; running factories see their signal abort and may store nothing. */
  endAll(error: unknown): void {
    for (const end of [...this.#endings]) end(error);
  }

  /** For a caller whose time ends before the flight's, or who joins a flight whose own time has passed. */
  #ownAnswer(flight: Flight, hardTimeout: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (flight.overdue && this.#standsIn(flight)) return resolve(flight.standIn.value);
      const leave = () => {
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
      const timer = this.clock.schedule(hardTimeout, timeOut, 'awaited');
      this.#endings.add(end);
      const awaited = flight.overdue ? flight.done : flight.answer;
      awaited.finally(leave).then(resolve, reject);
    });
  }

  #standsIn(flight: Flight): flight is Flight & { standIn: Entry } {
    if (!mayStandIn(flight.standIn, this.clock.now())) return false;
    this.onStandIn(flight);
    return true;
  }

  #giveUp(flight: Flight): void {
    this.#leave(flight);
    flight.onGivenUp?.();
  }

  #leave(flight: Flight): void {
    const { ticket, outage } = flight;
    this.fence.close(ticket);
    loadOver(flight);
    const table = this.#tables[outage];
    // A newer flight may have taken the place.
    if (table.get(ticket.key) === flight) table.delete(ticket.key);
  }
}

function timeoutError(key: string, ms: number): FactoryTimeoutError {
  return new FactoryTimeoutError(
    `No value within the hard time-out of ${ms} ms. Make the factory heed its signal, or raise hardTimeout.`,
    { key },
  );
}
