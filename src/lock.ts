/// <reference lib="esnext.disposable" />

import type { Duration } from './duration.js';
import type { CacheEvents } from './events.js';

/**
 * Locks by name: of all that ask for one at a time, one has it. Over Redis that is one of all processes, over several Redis by majority
 * (Redlock), in memory one of this process. The same contract for all three; `tierkeep/locks` makes each, and `cache.locks` has the one of the cache.
 *
 * - Who waits is served in the order in which they asked, and told by push.
 * - A lock over Redis makes work rare, not impossible, to overlap: a holder may be frozen past its end, a replica may be promoted that never
 *   heard of it. Where that would do harm, have what is protected refuse every {@link Lock.fencingToken} below the highest it has seen
 *   (M. Kleppmann, "How to do distributed locking", 2016).
 */
export interface Locks extends AsyncDisposable {
  /**
   * Waits for the lock and takes it.
   * @example
   * await using lock = await locks.acquire('invoice:42', { ttl: '10s', wait: '5s' });
   * await db.query('…', [lock.fencingToken]);
   * @throws LockNotAcquiredError when `wait` is over
   * @throws ConnectionError, DeadlineError or CircuitOpenError when Redis is away and `outage` is `'fail'`
   * @throws LockError when it is held by the very `use` that this is called in
   * @throws ConfigError, InvalidKeyError for what cannot be right; QueueFullError over `maxLocks`
   */
  acquire(resource: string, options?: LockOptions): Promise<Lock>;
  /**
   * Takes the lock if it is free and nobody waits for it; `undefined` if not.
   * @throws as {@link Locks.acquire}, but for LockNotAcquiredError
   */
  tryAcquire(resource: string, options?: TryLockOptions): Promise<Lock | undefined>;
  /**
   * Runs a function under the lock and gives it back, however the function ends. What the function returns or throws is passed on; if it
   * returned and the lock had been lost meanwhile, it is a `LockLostError` instead.
   * @example
   * const report = await locks.use('report', async (lock) => make(await rows(lock.signal)));
   * @throws as {@link Locks.acquire}; LockLostError
   */
  use<T>(resource: string, run: (lock: Lock) => T | PromiseLike<T>): Promise<T>;
  use<T>(resource: string, options: LockOptions, run: (lock: Lock) => T | PromiseLike<T>): Promise<T>;
  /** Takes the lock from whoever has it, for operators. The holder is told at once where it can be. False if nobody had it. */
  forceRelease(resource: string): Promise<boolean>;
  /** Who has it, for how long, and how many wait. */
  inspect(resource: string): Promise<LockState>;
  /** Counters since they were made. Plain numbers, no round trip. */
  stats(): LockStats;
  on<Name extends LockEventName>(event: Name, listener: (event: CacheEvents[Name]) => void): this;
  off<Name extends LockEventName>(event: Name, listener: (event: CacheEvents[Name]) => void): this;
  /**
   * Who waits is refused, what is held is lost (its signal aborts) and given back, and what was made for it is closed. Harmless when repeated. The locks
   * of a cache are closed with the cache.
   */
  close(): Promise<void>;
}

/** A lock that was taken. `await using lock = …` gives it back at the end of the block. */
export interface Lock extends AsyncDisposable {
  readonly resource: string;
  /**
   * Higher than that of every holder before, for ever, also after a fail-over or a restart. A whole number below 2^53, made of the server's clock in µs.
   * 0 with scope `'none'`.
   */
  readonly fencingToken: number;
  /**
   * Aborts with a `LockLostError` as soon as the lock can no longer be relied on, whether Redis was heard or not. Not aborted by `release`.
   */
  readonly signal: AbortSignal;
  /**
   * Whether it can be relied on now, by the monotonic clock of this process: true at the first instruction after a pause only if
   * the lock has outlived the pause.
   */
  readonly isHeld: boolean;
  /** Who is kept off: everybody, this process alone (outage `'local'`, or locks in memory), or nobody (outage `'skip'`). */
  readonly scope: 'all' | 'process' | 'none';
  /**
   * Gives it a new life from now on, and with `ttl` another length for this and later renewals.
   * @throws LockLostError when it was lost or released
   * @throws ConnectionError, DeadlineError when nobody answered; it is held on until its present life ends
   */
  refresh(ttl?: Duration): Promise<void>;
  /**
   * Gives it back; whoever waits longest has it next. True if it was held up to now and that was acknowledged. False otherwise, never an error:
   * if Redis did not answer it is told again until the lock has ended by itself.
   */
  release(): Promise<boolean>;
}

/** Options of {@link Locks.tryAcquire}. */
export interface TryLockOptions {
  /** How long the lock outlives a holder that dies. 10 ms to 1 d. Default 30 s. */
  readonly ttl?: Duration | undefined;
  /** Whether it is renewed, at a third of its TTL, until it is released. Default true. Without it the lock ends after `ttl`. */
  readonly autoRenew?: boolean | undefined;
  /** What to do when Redis cannot be asked. Default `'fail'`. */
  readonly outage?: LockOutagePolicy | undefined;
  /** How long one request to Redis may take. Default 500 ms, or that of the cache. */
  readonly budget?: Duration | undefined;
  /** Gives up the wait at once, with the signal's reason. The lock itself is not tied to it. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link Locks.acquire} and {@link Locks.use}. */
export interface LockOptions extends TryLockOptions {
  /** How long to wait for it at most; 0 not at all, `Infinity` for ever. Default 10 s. */
  readonly wait?: Duration | undefined;
}

/**
 * What a caller gets when Redis cannot be asked as it begins.
 *
 * - `fail`: the error (`ConnectionError`, `DeadlineError`, `CircuitOpenError`), at once.
 * - `skip`: a lock that keeps nobody off, with fencing token 0, and the event `lock:skipped`.
 * - `local`: a lock of this process alone, and the event `lock:skipped`.
 *
 * Who waits already outlasts an outage of up to 30 s, as a fail-over takes, within `wait`.
 */
export type LockOutagePolicy = 'fail' | 'skip' | 'local';

/** Of one resource at a moment; over several Redis, of those that answered. */
export interface LockState {
  /** `<host>-<pid>-<nonce>.<number>`; absent when nobody has it. */
  readonly holder?: string;
  /** Of the holder. */
  readonly fencingToken?: number;
  /** Milliseconds until the lock ends unless it is renewed; 0 when nobody has it. */
  readonly ttl: number;
  /** How many wait, in all processes. */
  readonly waiting: number;
}

export interface LockStats {
  /** Locks taken, those of scope `'process'` and `'none'` included. */
  readonly acquired: number;
  /** Calls that did not get the lock at their first request. */
  readonly contended: number;
  /** Waits that were over before it was free. */
  readonly timedOut: number;
  readonly lost: number;
  readonly released: number;
  /** Taken without Redis, under outage `'skip'` or `'local'`. */
  readonly skipped: number;
  /** Now. */
  readonly held: number;
  /** Calls that wait now. */
  readonly waiting: number;
  /** From the call to the lock, ms. */
  readonly waitTime: Histogram;
  /** From the lock to its end, ms. */
  readonly holdTime: Histogram;
}

/** Counts by size, cumulative as in Prometheus: `count` of a bucket is of all up to `le`. */
export interface Histogram {
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
}

export type LockEventName = Extract<keyof CacheEvents, `lock:${string}`>;
