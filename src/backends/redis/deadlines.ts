import type { Clock, Timer } from '../../clock.js';

/** Something that must settle by `deadline` (monotonic ms). It is its own node of the list, so adding and removing allocate nothing. */
export class Timed {
  before: Timed | undefined;
  after: Timed | undefined;
  /** What `Clock.busy` said when the call was added. */
  busyBefore = 0;
  /** It was due once already, while this process was too busy to read a reply. */
  spared = false;
  constructor(
    public deadline: number,
    readonly expire: () => void,
  ) {}
}

/**
 * All calls in flight, in the order of their deadlines, under one timer. Calls mostly share one budget and so come in order, which
 * makes adding one a matter of appending. The timer is not moved when its call settles: it fires, finds nothing due and is set anew,
 * so a call that is answered in time costs no timer at all.
 */
export class Deadlines {
  readonly #end: Timed = new Timed(Number.NEGATIVE_INFINITY, () => {});
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #whenEmpty: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#end.before = this.#end;
    this.#end.after = this.#end;
  }

  get empty(): boolean {
    return this.#end.after === this.#end;
  }

  isPast(deadline: number): boolean {
    return deadline <= this.#clock.monotonic();
  }

  add(call: Timed): void {
    call.busyBefore = this.#clock.busy();
    let before = this.#end.before as Timed;
    while (before.deadline > call.deadline) before = before.before as Timed;
    const after = before.after as Timed;
    call.before = before;
    call.after = after;
    before.after = call;
    after.before = call;
    if (call.deadline < this.#timerAt) this.#arm(call.deadline);
  }

  /** False when the call has expired or was removed before, so that whoever removes it is the one who settles it. */
  remove(call: Timed): boolean {
    const { before, after } = call;
    if (before === undefined || after === undefined) return false;
    before.after = after;
    after.before = before;
    call.before = undefined;
    call.after = undefined;
    if (this.#whenEmpty !== undefined && this.empty) this.#whenEmpty();
    return true;
  }

  /** Expires every call now, due or not, and lets go of the timer. */
  expireAll(): void {
    this.#disarm();
    for (let call = this.#first; call !== undefined; call = this.#first) {
      this.remove(call);
      call.expire();
    }
  }

  /** Resolves when no call is left, or after `ms`. */
  drained(ms: number): Promise<void> {
    if (this.empty) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        bound.cancel();
        this.#whenEmpty = undefined;
        resolve();
      };
      const bound = this.#clock.schedule(ms, done);
      this.#whenEmpty = done;
    });
  }

  get #first(): Timed | undefined {
    const first = this.#end.after as Timed;
    return first === this.#end ? undefined : first;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    // A reply may have come in while this process was busy: one turn of the event loop reads it before the call is given up.
    this.#timer = this.#clock.schedule(Math.max(at - this.#clock.monotonic(), 0), () => {
      setImmediate(() => this.#sweep()).unref();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #sweep(): void {
    this.#disarm();
    const now = this.#clock.monotonic();
    for (let call = this.#first; call !== undefined && call.deadline <= now; call = this.#first) {
      this.remove(call);
      if (!this.#spare(call, now)) call.expire();
    }
    const next = this.#first;
    if (next !== undefined && next.deadline < this.#timerAt) this.#arm(next.deadline);
  }

  /**
   * What this process computed while the call was under way must not be taken for the server's silence, so the call gets that time
   * again: once, and bounded, so that a process that is always busy gives up too.
   */
  #spare(call: Timed, now: number): boolean {
    const busy = Math.min(this.#clock.busy() - call.busyBefore, longestSpare);
    if (call.spared || busy < worthSparing) return false;
    call.spared = true;
    call.deadline = now + busy;
    this.add(call);
    return true;
  }
}

const longestSpare = 1_000;
/** Less than this was computed in any call's time. */
const worthSparing = 50;
