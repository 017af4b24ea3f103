/** One argument. Text in a reply is always a Buffer, status replies too, so that values are binary-safe. */
export type Arg = string | Buffer;
export type Reply = null | number | Buffer | readonly Reply[];

/** A command and the key that routes it (Cluster); `undefined` for one that any node may answer. */
export interface Command {
  readonly key: string | undefined;
  readonly args: readonly Arg[];
}

/** A Lua script, sent as EVALSHA and as EVAL when the server does not know it yet. Make them with `defineScript`. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha1: string;
}

/** All keys of one call share a slot. */
export interface ScriptCall {
  readonly script: Script;
  readonly keys: readonly [string, ...string[]];
  readonly args: readonly Arg[];
}

/**
 * `down` covers the pauses and the further tries until it is `ready` again; `connecting` is only the first try, and the change to
 * another master while the old one still answers.
 */
export type ConnectionState = 'idle' | 'connecting' | 'ready' | 'down' | 'closed';

/**
 * The seam: all that Tierkeep asks of a Redis client, the same for every library and topology. Whatever is on the other side:
 *
 * - every call settles by its `deadline` (monotonic ms): with the reply, the server's own error (`BackendError`), `ConnectionError`
 *   when there is no connection, it went away, or the server says that it cannot serve now (LOADING, READONLY…), or `DeadlineError`;
 * - it connects lazily: the first calls wait for the first try to connect, within their deadlines. From then on, while the
 *   connection is down, calls fail at once: nothing is queued, and **no command that may have run is ever sent again**;
 * - it reconnects for ever with back-off until `close()`; calls after that reject with `ClosedError`.
 */
export interface Connection {
  readonly driver: 'ioredis' | 'node-redis';
  readonly topology: 'standalone' | 'cluster' | 'sentinel';
  readonly state: ConnectionState;
  /** Starts connecting if that has not begun; settles when ready or when the first try has failed. Never rejects. */
  connect(): Promise<void>;
  /** Keys with the same number may go into one script call: the slot in a Cluster, 0 elsewhere. */
  slotOf(key: string): number;
  command(command: Command, deadline: number): Promise<Reply>;
  /**
   * One round trip per node. Each command has its own reply or error, a `ConnectionError` or `DeadlineError` where its reply did not
   * come; it rejects only when none of them was sent.
   */
  batch(commands: readonly Command[], deadline: number): Promise<(Reply | Error)[]>;
  /**
   * Values in the order of `keys`; null for what is absent or no string; an error where the key's node gave none. One round trip per
   * node. It rejects only when nothing was asked.
   */
  getMany(keys: readonly string[], deadline: number): Promise<(Buffer | null | Error)[]>;
  /** A server that does not know the script is sent its source: it has not run then, so that is no resend. */
  script(call: ScriptCall, deadline: number): Promise<Reply>;
  /** As {@link batch}; a second round trip for the scripts that a server did not know. */
  scripts(calls: readonly ScriptCall[], deadline: number): Promise<(Reply | Error)[]>;
  /**
   * Keys that match, in batches of about `count`, from every master. A key may come twice (as SCAN says). `deadline()` is asked
   * for each round trip. It throws when the connection is lost on the way.
   */
  scan(match: string, count: number, deadline: () => number): AsyncIterable<string[]>;
  /**
   * Shows that whoever answers the rest is still the one to ask, by a write that changes nothing: it deletes `key`, or in a Cluster at
   * each master one that begins so, which must never be there. Rejects when one does not take it, or says that the Cluster has changed.
   */
  probe(key: string, deadline: number): Promise<void>;
  /** Publishes to a channel; for tests and for messages that no script carries. */
  publish(channel: string, message: Arg, deadline: number): Promise<void>;
  /**
   * Subscribes on a connection of its own, again after every loss of it. Resolves when subscribed, or when the first try to connect
   * has failed: the listener hears when it stands. Rejects only with `BackendError` when the server forbids the channel.
   *
   * In a Cluster it subscribes at every master, whose own bus may drop messages: so the same message may come several times, and it is
   * `lost` as soon as one master's subscription is.
   *
   * With `tracking` the same connections are told of keys by the servers themselves, whoever changes them, and it stands only where
   * both is heard. A server that does not know that, or forbids it, is a `BackendError` too.
   */
  subscribe(channel: string, listener: SubscriptionListener, tracking?: Tracking): Promise<Subscription>;
  /**
   * What to add to this process's wall clock to get that of the key's server, in ms. Learnt at each connect and corrected by
   * `learnTime`.
   */
  clockOffset(key: string): number;
  /** Tells the seam what the clock of the key's server said just now. */
  learnTime(key: string, serverMs: number): void;
  /** `reason` says why it is down. Returns what takes the listener off again. */
  onState(listener: (state: ConnectionState, reason?: unknown) => void): () => void;
  /**
   * Told when keys will be answered by another server than before, or by one that began anew, and before the first of its answers is passed
   * on: what was acknowledged may be lost there. It may be told too often, and never too seldom. `isAffected` says whether a key is one of
   * them: of slots that move one by one, a few. Returns what takes the listener off again.
   */
  onOtherServer(listener: (isAffected: (key: string) => boolean) => void): () => void;
  /** Lets what is in flight finish (bounded), then closes what we opened. */
  close(): Promise<void>;
}

export interface SubscriptionListener {
  message(message: Buffer): void;
  /** The subscriber connection was lost (messages may be missed from now on) or stands (again). */
  state(state: 'subscribed' | 'lost'): void;
}

export interface Tracking {
  readonly prefix: string;
  /** Keys with the prefix that were set, deleted, expired, evicted…; `null`: a server was emptied. */
  invalidated(names: readonly Buffer[] | null): void;
}

export interface Subscription {
  /**
   * One round trip on each connection that messages for the channel may come by. Once it resolves, every message that was sent there before
   * has been heard. Rejects when one of them does not stand or is lost on the way.
   */
  ping(): Promise<void>;
  close(): Promise<void>;
}
