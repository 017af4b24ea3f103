import type { Clock, Timer } from '../clock.js';
import type { Entry } from '../entries/entry.js';
import { mayStandIn } from '../entries/freshness.js';
import { FactoryTimeoutError } from '../errors.js';
import type { Fence, Ticket } from './fence.js';

/** One running load of one key in this process. */
export interface Flight {
  readonly ticket: Ticket;
  /** Whether it was started to replace even a fresh value. */
  readonly forced: boolean;
  /** Settles as the load does, however long that takes. */
  readonly done: Promise<unknown>;
  /** Settles as the load does, or at the hard time-out with the stand-in or a `FactoryTimeoutError`. */
  readonly answer: Promise<unknown>;
  /** Aborts at the hard time-out and at close. */
  readonly signal: AbortSignal;
  /** The stale entry that may answer when the factory cannot. */
  standIn: Entry | undefined;
  /** The hard time-out has passed, the load still runs. */
  overdue: boolean;
  /** It was overdue for a whole hard time-out: nobody waits for it any more and it may store nothing. */
  abandoned: boolean;
}

/** Waits for a flight as one of its callers: at most `hardTimeout`, and no longer than the caller wants to. */
export function waitFor(flight: Flight, hardTimeout: number, clock: Clock, signal: AbortSignal | undefined): Promise<unknown> {
  const answer = flight.overdue ? lateAnswer(flight, hardTimeout, clock) : flight.answer;
  return signal === undefined ? answer : untilAborted(answer, signal);
}

/** For whoever joins a flight whose own time-out has passed. */
function lateAnswer(flight: Flight, hardTimeout: number, clock: Clock): Promise<unknown> {
  if (mayStandIn(flight.standIn, clock.now())) return Promise.resolve(flight.standIn.value);
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(hardTimeout, () => reject(timeoutError(flight.ticket.key, hardTimeout)));
    flight.done.finally(() => timer.cancel()).then(resolve, reject);
  });
}

function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    answer.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}

function timeoutError(key: string, ms: number): FactoryTimeoutError {
  return new FactoryTimeoutError(
    `No value within the hard time-out of ${ms} ms. Make the factory heed its signal, or raise hardTimeout.`,
    {
      key,
    },
  );
}

/** The loads that run now, one per key at most that callers may join. */
export class Flights {
  readonly #table = new Map<string, Flight>();
  readonly #endings = new Set<(error: unknown) => void>();

  constructor(
    private readonly fence: Fence,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.#table.size;
  }

  /** A flight that was overtaken by an invalidation answers those who already wait, but takes no new ones. */
  joinable(key: string, forced: boolean): Flight | undefined {
    const flight = this.#table.get(key);
    if (flight === undefined || this.fence.isMarked(flight.ticket)) return undefined;
    return forced && !flight.forced ? undefined : flight;
  }

  /** Starts a load. The ticket is open before the load does anything, and until it has stored what it will store. */
  start(key: string, forced: boolean, hardTimeout: number, load: (flight: Flight) => Promise<unknown>): Flight {
    const { fence, clock } = this;
    const abort = new AbortController();
    const ticket = fence.open(key);
    const flight = {
      ticket,
      forced,
      signal: abort.signal,
      standIn: undefined as Entry | undefined,
      overdue: false,
      abandoned: false,
      done: undefined as unknown as Promise<unknown>,
      answer: undefined as unknown as Promise<unknown>,
    };
    let timer: Timer;

    flight.answer = new Promise((resolve, reject) => {
      const end = (error: unknown) => {
        timer.cancel();
        flight.abandoned = true;
        abort.abort(error);
        reject(error);
      };
      const timeOut = () => {
        const error = timeoutError(key, hardTimeout);
        flight.overdue = true;
        // The flight keeps its place, so that no second slow factory piles up behind the first, but not for ever.
        timer = clock.schedule(hardTimeout, () => this.#abandon(key, flight));
        if (mayStandIn(flight.standIn, clock.now())) resolve(flight.standIn.value);
        else reject(error);
        abort.abort(error);
      };
      this.#endings.add(end);
      timer = clock.schedule(hardTimeout, timeOut);
      this.#table.set(key, flight);
      flight.done = load(flight).finally(() => {
        timer.cancel();
        this.#endings.delete(end);
        fence.close(ticket);
        this.#forget(key, flight);
      });
      flight.done.then(resolve, reject);
    });
    // Callers may all have left (their signals aborted) when it fails.
    flight.answer.catch(() => undefined);
    return flight;
  }

  /** Ends every wait with the error; running factories see their signal abort and may store nothing. */
  endAll(error: unknown): void {
    for (const end of this.#endings) end(error);
    this.#endings.clear();
    this.#table.clear();
  }

  #abandon(key: string, flight: Flight): void {
    flight.abandoned = true;
    this.#forget(key, flight);
  }

  #forget(key: string, flight: Flight): void {
    // A newer flight may have taken the place.
    if (this.#table.get(key) === flight) this.#table.delete(key);
  }
}
