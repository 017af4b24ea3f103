import { type BackendError, ClosedError, ConnectionError, DeadlineError } from '../../errors.js';
import type { Command, Reply } from './connection.js';
import { type Deadlines, Timed } from './deadlines.js';
import type { Sender } from './driver.js';
import type { Line } from './line.js';
import { isNotMaster, isServerReply, isUnwritten, reasonText, redisError } from './server-errors.js';
import type { StandingLink } from './standing-link.js';

/** A call that was not sent, because its server is no longer wanted. */
export class Unsent extends Error {}

/** Sends commands on the line that stands and settles each call once: by its reply, its error, its deadline or the end of all. */
export class Calls {
  readonly #standing: StandingLink<Line>;
  readonly #deadlines: Deadlines;
  readonly #address: string;
  readonly #partial: () => boolean;
  #closed = false;

  /** `partial` says whether other servers answer when this one does not. */
  constructor(standing: StandingLink<Line>, deadlines: Deadlines, address: string, partial = () => false) {
    this.#standing = standing;
    this.#deadlines = deadlines;
    this.#address = address;
    this.#partial = partial;
  }

  /** Takes no more calls, gives those in flight `ms`, and settles what is left then. */
  async close(ms: number): Promise<void> {
    this.#closed = true;
    await this.#deadlines.drained(ms);
    this.#deadlines.expireAll();
  }

  send(command: Command, operation: string, deadline: number, to?: Sender, again = false): Promise<Reply> {
    const line = this.#standing.ready;
    if (line === undefined || this.#closed) {
      return this.withLine(operation, deadline, () => this.send(command, operation, deadline, to, again));
    }
    if (this.#deadlines.isPast(deadline)) return Promise.reject(this.#late(operation, true));
    return new Promise((resolve, reject) => {
      const call = new Timed(deadline, () => reject(this.#late(operation, false)));
      this.#deadlines.add(call);
      line.send(
        command,
        (reply) => {
          if (this.#deadlines.remove(call)) resolve(reply);
        },
        (error) => {
          if (!this.#deadlines.remove(call)) return;
          if (!again && to === undefined && this.#isForAnother(error, line)) {
            this.send(command, operation, deadline, undefined, true).then(resolve, reject);
          } else reject(this.#failed(error, operation));
        },
        to,
      );
    });
  }

  /** Rejects when nothing was sent; else every command has its own reply or error, also those that the deadline cut short. */
  sendAll(commands: readonly Command[], operationOf: (index: number) => string, deadline: number): Promise<(Reply | Error)[]> {
    if (commands.length === 0) return Promise.resolve([]);
    const line = this.#standing.ready;
    if (line === undefined || this.#closed) {
      return this.withLine(operationOf(0), deadline, () => this.sendAll(commands, operationOf, deadline));
    }
    if (this.#deadlines.isPast(deadline)) return Promise.reject(this.#late(operationOf(0), true));
    return new Promise((resolve) => {
      const replies: (Reply | Error | undefined)[] = new Array(commands.length).fill(undefined);
      let left = commands.length;
      const call = new Timed(deadline, () => {
        resolve(replies.map((reply, index) => (reply === undefined ? this.#late(operationOf(index), false) : reply)));
      });
      this.#deadlines.add(call);
      const settle = (index: number, reply: Reply | Error) => {
        replies[index] = reply;
        left--;
        if (left === 0 && this.#deadlines.remove(call)) resolve(replies as (Reply | Error)[]);
      };
      if (commands.length > 1) line.gather();
      for (const [index, command] of commands.entries()) {
        line.send(
          command,
          (reply) => settle(index, reply),
          (error) => {
            if (this.#isForAnother(error, line)) {
              const settled = (reply: Reply | Error) => settle(index, reply);
              this.send(command, operationOf(index), deadline, undefined, true).then(settled, settled);
            } else settle(index, this.#failed(error, operationOf(index)));
          },
        );
      }
    });
  }

  /** The way in when no line stands: waits for the first try to connect, within the deadline; after that it fails at once. */
  withLine<T>(operation: string, deadline: number, use: (line: Line) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    const line = this.#standing.ready;
    if (line !== undefined) return use(line);
    if (this.#standing.state === 'closed') return Promise.reject(new Unsent(`${operation} was not sent to ${this.#address}`));
    if (this.#standing.state === 'down') return Promise.reject(this.#away(operation));
    if (this.#deadlines.isPast(deadline)) return Promise.reject(this.#late(operation, true));
    return new Promise((resolve, reject) => {
      const call = new Timed(deadline, () => reject(this.#late(operation, true)));
      this.#deadlines.add(call);
      this.#standing.connect().then(() => {
        if (this.#deadlines.remove(call)) this.withLine(operation, deadline, use).then(resolve, reject);
      });
    });
  }

  /** A replica has done nothing of what it refused, so if the line is being left for another one the command may go there. */
  #isForAnother(error: unknown, line: Line): boolean {
    return isNotMaster(error) && this.#standing.ready !== line;
  }

  /** A library says only that the connection is closed; why it was is what the link was lost for. */
  #failed(error: unknown, operation: string): BackendError {
    if (isServerReply(error)) return redisError(error, operation, this.#address, this.#partial());
    return redisError(this.#standing.reason ?? error, operation, this.#address, this.#partial(), isUnwritten(error));
  }

  #late(operation: string, unsent: boolean): DeadlineError | ClosedError {
    if (this.#closed) return closedError();
    const message = `Redis at ${this.#address} did not answer ${operation} in time`;
    return new DeadlineError(message, { backend: 'redis', operation, partial: this.#partial(), unsent });
  }

  #away(operation: string): ConnectionError {
    const { reason } = this.#standing;
    const message = `Redis at ${this.#address} is away: ${reasonText(reason)}`;
    return new ConnectionError(message, { backend: 'redis', operation, cause: reason, partial: this.#partial(), unsent: true });
  }
}

export function closedError(): ClosedError {
  return new ClosedError('the connection to Redis was closed');
}
