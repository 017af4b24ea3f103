/** What a store call goes through: its request reaches the server and is executed, then its reply reaches the process. */
export type Phase = 'request' | 'reply';

export interface Step {
  readonly process: string;
  readonly operation: string;
  readonly phase: Phase;
  readonly keys: readonly string[];
}

/** Decides when a step may happen; a rejection makes the call fail there. */
export type Pass = (step: Step) => void | Promise<void>;

/** A step that was stopped, or will be when it comes. */
export interface Held {
  /** Resolves when a call waits here. */
  readonly arrived: Promise<Step>;
  readonly waiting: boolean;
  release(): void;
  /** The call fails here: never executed if this is the request, executed but unanswered if it is the reply. */
  fail(error: unknown): void;
}

// Of the machine, whatever clock a test sets up.
const realSetTimeout = setTimeout;

/** Nobody takes so long to come to a gate, however slow the machine; a test that waits for a step that never comes is told which. */
const longestWait = 20_000;

/** Gates that stand open until a test closes one. A closed gate stops one call, the next one that comes to it. */
export class Gates {
  readonly #closed: { operation: string; phase: Phase; stop: (step: Step) => Promise<void> }[] = [];

  hold(operation: string, phase: Phase = 'request'): Held {
    let arrive: (step: Step) => void = () => undefined;
    let open: () => void = () => undefined;
    let refuse: (error: unknown) => void = () => undefined;
    let waiting = false;
    const arrived = new Promise<Step>((resolve, reject) => {
      const nobody = () => reject(new Error(`nobody came to ${operation} (${phase}) within ${longestWait / 1_000} s`));
      const impatience = realSetTimeout(nobody, longestWait).unref();
      arrive = (step) => {
        clearTimeout(impatience);
        resolve(step);
      };
    });
    arrived.catch(() => undefined);
    const opened = new Promise<void>((resolve, reject) => {
      open = resolve;
      refuse = reject;
    });
    opened.catch(() => undefined);
    const stop = (step: Step) => {
      waiting = true;
      arrive(step);
      return opened;
    };
    this.#closed.push({ operation, phase, stop });
    return {
      arrived,
      get waiting() {
        return waiting;
      },
      release: () => open(),
      fail: (error) => refuse(error),
    };
  }

  readonly pass: Pass = (step) => {
    const index = this.#closed.findIndex(({ operation, phase }) => operation === step.operation && phase === step.phase);
    return index === -1 ? undefined : this.#closed.splice(index, 1)[0]?.stop(step);
  };
}
