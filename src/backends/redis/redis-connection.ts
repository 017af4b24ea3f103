import { type Clock, systemClock } from '../../clock.js';
import type { Backoff } from './backoff.js';
import { Calls, closedError } from './calls.js';
import { commandName } from './command-name.js';
import type {
  Arg,
  Command,
  Connection,
  ConnectionState,
  Reply,
  ScriptCall,
  Subscription,
  SubscriptionListener,
  Tracking,
} from './connection.js';
import { Deadlines } from './deadlines.js';
import type { Driver } from './driver.js';
import { askTime, greet } from './greeting.js';
import { leftWhenReadOnly } from './left-when-read-only.js';
import { Line } from './line.js';
import { OtherServer, Succession } from './other-server.js';
import { runScript, runScripts } from './run-scripts.js';
import { ServerClock } from './server-clock.js';
import { StandingLink } from './standing-link.js';
import { Subscriptions } from './subscriptions.js';
import { tell } from './tell.js';

/** Durations in ms. */
export interface ConnectionTimings {
  /** Bounds TCP, TLS, authentication and the first exchange together. Default 5000. */
  readonly connectTimeout?: number | undefined;
  /** With commands in flight and not one reply for this long, the socket is destroyed and a new connection made. Default 2000. */
  readonly stallTimeout?: number | undefined;
  /** How long `close()` waits for what is in flight. Default 1000. */
  readonly drainTimeout?: number | undefined;
  /** Pauses between attempts to connect. */
  readonly reconnect?: Backoff | undefined;
  /** Whose monotonic time the deadlines are. */
  readonly clock?: Clock | undefined;
}

/** The seam, over a driver of any library and topology. */
export class RedisConnection implements Connection {
  readonly driver: Connection['driver'];
  readonly topology: Connection['topology'];
  readonly #driver: Driver;
  readonly #drainTimeout: number;
  readonly #serverClock: ServerClock;
  readonly #standing: StandingLink<Line>;
  readonly #calls: Calls;
  readonly #subscriptions: Subscriptions;
  readonly #otherServer = new OtherServer();
  readonly #stateListeners = new Set<(state: ConnectionState, reason?: unknown) => void>();
  #closing: Promise<void> | undefined;

  constructor(driver: Driver, timings: ConnectionTimings = {}) {
    const { connectTimeout = 5_000, stallTimeout = 2_000, drainTimeout = 1_000, reconnect, clock = systemClock } = timings;
    this.driver = driver.name;
    this.topology = driver.topology;
    this.#driver = driver;
    this.#drainTimeout = drainTimeout;
    const serverClock = new ServerClock(clock, () => askTime(this.#calls, serverClock, clock));
    this.#serverClock = serverClock;
    const succession = new Succession(() => this.#otherServer.tell());
    this.#standing = new StandingLink<Line>({
      connectTimeout,
      reconnect,
      make: (lost) => new Line(leftWhenReadOnly(driver.link(lost), lost), stallTimeout, lost),
      async greet(line) {
        line.identity = await greet(line, serverClock, clock, driver.topology);
      },
      stands: (line) => succession.stands(line.identity),
      finish: (line) =>
        line.finish(drainTimeout, () => {
          if (!succession.isStanding(line.identity)) this.#otherServer.tellAgain();
        }),
      changed: (state, reason) => {
        for (const listener of [...this.#stateListeners]) tell(() => listener(state, reason));
      },
    });
    this.#calls = new Calls(this.#standing, new Deadlines(clock), driver.address);
    this.#subscriptions = new Subscriptions(driver, { connectTimeout, stallTimeout, reconnect });
    driver.onNews?.(() => {
      this.#standing.hurry();
      this.#subscriptions.hurry();
    });
  }

  get state(): ConnectionState {
    return this.#standing.state;
  }

  clockOffset(): number {
    return this.#serverClock.offset;
  }

  learnTime(_key: string, serverMs: number): void {
    this.#serverClock.learn(serverMs);
  }

  slotOf(): number {
    return 0;
  }

  connect(): Promise<void> {
    return this.#standing.connect();
  }

  command(command: Command, deadline: number): Promise<Reply> {
    return this.#calls.send(command, commandName(command), deadline);
  }

  batch(commands: readonly Command[], deadline: number): Promise<(Reply | Error)[]> {
    return this.#calls.sendAll(commands, (index) => commandName(commands[index]), deadline);
  }

  async getMany(keys: readonly string[], deadline: number): Promise<(Buffer | null)[]> {
    if (keys.length === 0) return [];
    const reply = await this.#calls.send({ key: keys[0], args: ['MGET', ...keys] }, 'mget', deadline);
    return reply as (Buffer | null)[];
  }

  script(call: ScriptCall, deadline: number): Promise<Reply> {
    return runScript((command, name) => this.#calls.send(command, name, deadline), call);
  }

  scripts(calls: readonly ScriptCall[], deadline: number): Promise<(Reply | Error)[]> {
    return runScripts((commands, nameOf) => this.#calls.sendAll(commands, nameOf, deadline), calls);
  }

  async *scan(match: string, count: number, deadline: () => number): AsyncGenerator<string[]> {
    const masters = await this.#calls.withLine('scan', deadline(), (line) => Promise.resolve(line.masters()));
    for (const master of masters) {
      let cursor = '0';
      do {
        const args = ['SCAN', cursor, 'MATCH', match, 'COUNT', String(count)];
        const reply = await this.#calls.send({ key: undefined, args }, 'scan', deadline(), master);
        const [next, keys] = reply as unknown as readonly [Buffer, readonly Buffer[]];
        cursor = next.toString();
        if (keys.length > 0) yield keys.map(String);
      } while (cursor !== '0');
    }
  }

  async probe(key: string, deadline: number): Promise<void> {
    await this.#calls.send({ key, args: ['DEL', key] }, 'probe', deadline);
  }

  async publish(channel: string, message: Arg, deadline: number): Promise<void> {
    await this.#calls.send({ key: undefined, args: ['PUBLISH', channel, message] }, 'publish', deadline);
  }

  subscribe(channel: string, listener: SubscriptionListener, tracking?: Tracking): Promise<Subscription> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    return this.#subscriptions.add(channel, listener, tracking);
  }

  onState(listener: (state: ConnectionState, reason?: unknown) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  onOtherServer(listener: (isAffected: (key: string) => boolean) => void): () => void {
    return this.#otherServer.on(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#standing.retire();
    this.#subscriptions.close();
    await this.#calls.close(this.#drainTimeout);
    this.#standing.destroy();
    this.#stateListeners.clear();
    this.#otherServer.close();
    this.#driver.release();
  }
}
