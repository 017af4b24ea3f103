import type { Clock } from '../../src/clock.js';
import { type Entry, newStamp } from '../../src/entries/entry.js';
import { isFresh } from '../../src/entries/freshness.js';
import { InvalidValueError } from '../../src/errors.js';
import type { LoadReply } from '../../src/store.js';

/** Bytes under a key that no process can read: corrupt, or of another version. */
export const unreadable = Symbol('unreadable');

interface Lease {
  readonly token: string;
  readonly base: string;
  until: number;
  /** Somebody was turned away. */
  waited: boolean;
}

export type Late = 'late';

/**
 * The state that several processes share, and the Lua scripts' meaning over it, each step atomic. Written from PROTOCOL.md and
 * not from the scripts, so that a script that strays from it makes the tests on real Redis differ from those here.
 */
export class SharedServer {
  readonly entries = new Map<string, Entry | typeof unreadable>();
  readonly leases = new Map<string, Lease>();
  /** Told of every change in the order of execution. */
  onChange: (key: string, entry: Entry | undefined) => void = () => undefined;
  /** Whoever listens to the channel. */
  readonly subscribers = new Set<(message: string) => void>();

  constructor(
    readonly clock: Clock,
    readonly leaseMs = 10_000,
  ) {}

  publish(message: string): void {
    if (message !== '') for (const hear of this.subscribers) hear(message);
  }

  read(key: string): Entry | undefined {
    const entry = this.#present(key);
    return entry === unreadable ? undefined : entry;
  }

  write(key: string, entry: Entry, until: number): true | Late {
    if (this.#isLate(until)) return 'late';
    this.#store(key, entry);
    return true;
  }

  writeIfAbsent(key: string, entry: Entry, until: number): boolean | Late {
    if (this.#isLate(until)) return 'late';
    if (this.#freshOrUnreadable(key)) return false;
    this.#store(key, entry);
    return true;
  }

  remove(key: string): boolean {
    const was = this.#present(key) !== undefined;
    this.leases.delete(key);
    this.entries.delete(key);
    this.onChange(key, undefined);
    return was;
  }

  load(key: string, token: string, seen: string, until: number): LoadReply | Late {
    if (this.#isLate(until)) return 'late';
    const entry = this.#present(key);
    const stamp = stampOf(entry);
    if (entry !== undefined && stamp !== seen) {
      return entry === unreadable ? { state: 'unusable', stamp } : { state: 'newer', entry };
    }
    const lease = this.#lease(key);
    if (lease !== undefined) {
      lease.waited = true;
      return { state: 'held', ms: lease.until - this.clock.now() };
    }
    this.leases.set(key, { token, base: stamp, until: this.clock.now() + this.leaseMs, waited: false });
    return { state: 'granted' };
  }

  renew(key: string, token: string): boolean {
    const lease = this.#lease(key);
    if (lease?.token !== token) return false;
    lease.until = this.clock.now() + this.leaseMs;
    return true;
  }

  fill(key: string, token: string, entry: Entry): boolean {
    const lease = this.#lease(key);
    if (lease?.token !== token) return false;
    if (stampOf(this.#present(key)) !== lease.base) {
      this.leases.delete(key);
      return false;
    }
    this.#store(key, entry);
    return true;
  }

  /** Whether somebody waits for it. */
  release(key: string, token: string): boolean {
    const lease = this.#lease(key);
    if (lease?.token !== token) return false;
    this.leases.delete(key);
    return lease.waited;
  }

  expire(key: string, freshUntil: number, until: number): boolean | Late {
    if (this.#isLate(until)) return 'late';
    const entry = this.read(key);
    if (!isFresh(entry, this.clock.now())) return false;
    const grace = entry.expiresAt === entry.freshUntil ? 0 : entry.expiresAt - entry.freshUntil;
    this.#store(key, { ...entry, freshUntil, expiresAt: freshUntil + grace, stamp: newStamp() });
    return true;
  }

  increment(key: string, by: number, initial: Entry<number>, until: number): number | Late {
    if (this.#isLate(until)) return 'late';
    if (!this.#freshOrUnreadable(key)) {
      this.#store(key, initial);
      return initial.value;
    }
    const entry = this.read(key);
    if (typeof entry?.value !== 'number')
      throw new InvalidValueError('increment() needs a finite number under the key', { key });
    this.#store(key, { ...entry, value: entry.value + by, stamp: newStamp() });
    return entry.value + by;
  }

  /** What a program that knows nothing of leases does. */
  foreignDelete(key: string): void {
    this.entries.delete(key);
    this.onChange(key, undefined);
  }

  leasedKeys(): string[] {
    return [...this.leases.keys()].filter((key) => this.#lease(key) !== undefined);
  }

  entryKeys(): string[] {
    return [...this.entries.keys()].filter((key) => this.#present(key) !== undefined);
  }

  #isLate(until: number): boolean {
    return this.clock.now() > until;
  }

  #freshOrUnreadable(key: string): boolean {
    const entry = this.#present(key);
    return entry === unreadable || isFresh(entry, this.clock.now());
  }

  #store(key: string, entry: Entry): void {
    this.entries.set(key, entry);
    this.leases.delete(key);
    this.onChange(key, entry);
  }

  #present(key: string): Entry | typeof unreadable | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined || entry === unreadable || entry.expiresAt > this.clock.now()) return entry;
    this.entries.delete(key);
    return undefined;
  }

  #lease(key: string): Lease | undefined {
    const lease = this.leases.get(key);
    if (lease === undefined || lease.until > this.clock.now()) return lease;
    this.leases.delete(key);
    return undefined;
  }
}

function stampOf(entry: Entry | typeof unreadable | undefined): string {
  if (entry === undefined) return '';
  return entry === unreadable ? '?' : entry.stamp;
}
