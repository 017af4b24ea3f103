import type { Clock } from '../../src/clock.js';
import { type Entry, newStamp, staleFrom } from '../../src/entries/entry.js';
import { isFresh } from '../../src/entries/freshness.js';
import { labelFields } from '../../src/entries/header.js';
import { spaceLabel, tagLabel } from '../../src/entries/labels.js';
import { InvalidValueError } from '../../src/errors.js';
import type { EntryHead, LoadFailure, LoadReply } from '../../src/store.js';

/** Bytes under a key that no process can read: corrupt, or of another version. */
export const unreadable = Symbol('unreadable');

interface Lease {
  readonly token: string;
  readonly base: string;
  /** When the entry of that stamp ends by itself; undefined if there is none. */
  readonly baseEnds?: number | undefined;
  until: number;
  /** Somebody was turned away. */
  waited: boolean;
  /** It is over and its loader failed: nobody is to try again until then. */
  failed: boolean;
}

export type Late = 'late';

const everything = { key: () => true, label: () => true };

/** There is an entry of which the caller has to say whether it counts. */
export class Ask {
  constructor(readonly head: EntryHead) {}
}

/** What the caller has said already. */
export interface Judged {
  readonly versions: readonly string[];
  /** Of the entry that was in the way. */
  readonly labels?: string;
  readonly counts?: boolean;
}

/**
 * The state that several processes share, and the Lua scripts' meaning over it, each step atomic. Written from PROTOCOL.md and
 * not from the scripts, so that a script that strays from it makes the tests on real Redis differ from those here.
 */
export class SharedServer {
  readonly entries = new Map<string, Entry | typeof unreadable>();
  readonly leases = new Map<string, Lease>();
  /** Of tags and namespaces. An eviction is a plain `delete`. */
  readonly versions = new Map<string, string>();
  /** Told of every change in the order of execution. */
  onChange: (key: string, entry: Entry | undefined) => void = () => undefined;
  /** Whoever listens to the channel. */
  readonly subscribers = new Set<(message: string) => void>();
  /** Told when another server takes the place of this one. */
  readonly successors = new Set<(affected: typeof everything) => void>();

  constructor(
    readonly clock: Clock,
    readonly leaseMs = 10_000,
  ) {}

  publish(message: string): void {
    if (message !== '') for (const hear of this.subscribers) hear(message);
  }

  /** A replica that has all that is here now, and nothing of what comes after. What is returned makes it the one that answers. */
  replica(): () => void {
    const [entries, leases, versions] = [new Map(this.entries), new Map(this.leases), new Map(this.versions)];
    return () => {
      for (const [mine, its] of [
        [this.entries, entries],
        [this.leases, leases],
        [this.versions, versions],
      ] as const) {
        mine.clear();
        for (const [name, what] of its) (mine as Map<string, unknown>).set(name, what);
      }
      for (const tell of this.successors) tell(everything);
    };
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

  writeIfAbsent(key: string, entry: Entry, until: number, judged: Judged): boolean | Late | Ask {
    if (this.#isLate(until)) return 'late';
    const present = this.#counting(key, judged);
    if (present instanceof Ask) return present;
    if (present !== undefined) return false;
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

  load(key: string, token: string, seen: string, until: number, failure = 'heeded'): LoadReply | Late {
    if (this.#isLate(until)) return 'late';
    const entry = this.#present(key);
    const stamp = stampOf(entry);
    if (entry !== undefined && stamp !== seen) {
      return entry === unreadable ? { state: 'unusable', stamp } : { state: 'newer', entry };
    }
    const lease = this.#lease(key);
    if (lease?.failed && failure === 'heeded') return { state: 'failed', ms: lease.until - this.clock.now() };
    if (lease !== undefined && !lease.failed) {
      lease.waited = true;
      return { state: 'held', ms: lease.until - this.clock.now() };
    }
    const baseEnds = typeof entry === 'object' ? entry.expiresAt : undefined;
    const leasedUntil = this.clock.now() + this.leaseMs;
    this.leases.set(key, { token, base: stamp, baseEnds, until: leasedUntil, waited: false, failed: false });
    return { state: 'granted' };
  }

  renew(key: string, token: string): boolean {
    const lease = this.#lease(key);
    if (lease?.token !== token || lease.failed) return false;
    lease.until = this.clock.now() + this.leaseMs;
    return true;
  }

  fill(key: string, token: string, entry: Entry): boolean {
    const lease = this.#lease(key);
    if (lease?.token !== token || lease.failed) return false;
    const stamp = stampOf(this.#present(key));
    const hasEnded = stamp === '' && (lease.baseEnds ?? Number.POSITIVE_INFINITY) <= this.clock.now();
    if (stamp !== lease.base && !hasEnded) {
      this.leases.delete(key);
      return false;
    }
    this.#store(key, entry);
    return true;
  }

  /** Whether somebody waits for it. */
  release(key: string, token: string, failure?: LoadFailure): boolean {
    const lease = this.#lease(key);
    if (lease?.token !== token || lease.failed) return false;
    const leftFor = failure !== undefined && (lease.waited || failure.always) ? failure.backOff : 0;
    this.leases.delete(key);
    if (leftFor > 0) this.leases.set(key, { ...lease, until: this.clock.now() + leftFor, failed: true });
    return lease.waited;
  }

  expire(key: string, freshUntil: number, until: number, judged: Judged): boolean | Late | Ask {
    if (this.#isLate(until)) return 'late';
    const entry = this.#counting(key, judged);
    if (entry instanceof Ask) return entry;
    if (entry === undefined || entry === unreadable) return false;
    const grace = entry.expiresAt === entry.freshUntil ? 0 : entry.expiresAt - entry.freshUntil;
    this.#store(key, { ...entry, freshUntil, expiresAt: freshUntil + grace, stamp: newStamp() });
    return true;
  }

  soften(key: string, until: number): boolean | Late {
    if (this.#isLate(until)) return 'late';
    const entry = this.#present(key);
    this.leases.delete(key);
    const stale = entry === undefined || entry === unreadable ? entry : staleFrom(entry, this.clock.now());
    if (stale === undefined || stale === unreadable || stale.expiresAt <= this.clock.now()) this.entries.delete(key);
    else this.entries.set(key, stale === entry ? stale : { ...stale, stamp: newStamp() });
    this.onChange(key, undefined);
    return entry !== undefined;
  }

  increment(key: string, by: number, initial: Entry<number>, until: number, judged: Judged): number | Late | Ask {
    if (this.#isLate(until)) return 'late';
    const entry = this.#counting(key, judged);
    if (entry instanceof Ask) return entry;
    if (entry === undefined) {
      this.#store(key, initial);
      return initial.value;
    }
    if (entry === unreadable || typeof entry.value !== 'number')
      throw new InvalidValueError('increment() needs a finite number under the key', { key });
    this.#store(key, { ...entry, value: entry.value + by, stamp: newStamp() });
    return entry.value + by;
  }

  /** The present versions, and whether one of them had to be made. */
  current(labels: readonly string[]): { readonly versions: string[]; readonly made: boolean } {
    let made = false;
    const versions = labels.map((label) => {
      const known = this.versions.get(label);
      if (known !== undefined) return known;
      made = true;
      const version = newStamp();
      this.versions.set(label, version);
      return version;
    });
    return { versions, made };
  }

  bump(labels: readonly string[], soft: boolean): void {
    for (const label of labels) {
      const [hard] = this.versions.get(label)?.split('~') ?? [newStamp()];
      this.versions.set(label, soft ? `${hard}~${newStamp()}` : newStamp());
    }
  }

  /** What is there and counts: made under the versions that there are now, of its namespaces and its tags. */
  counting(key: string): Entry | undefined {
    const entry = this.read(key);
    if (entry === undefined) return undefined;
    const names = key.split(':').slice(0, entry.versions.length - entry.tags.length - 1);
    const spaces = ['', ...names.map((_, depth) => `${names.slice(0, depth + 1).join(':')}:`)];
    const labels = [...spaces.map(spaceLabel), ...entry.tags.map(tagLabel)];
    return labels.every((label, index) => this.versions.get(label) === entry.versions[index]) ? entry : undefined;
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

  /** What is there, fresh or unreadable, unless the caller says that it does not count. */
  #counting(key: string, judged: Judged): Entry | typeof unreadable | undefined | Ask {
    const entry = this.#present(key);
    if (entry === unreadable) return entry;
    if (!isFresh(entry, this.clock.now())) return undefined;
    if (labelFields(entry) === judged.labels) return judged.counts ? entry : undefined;
    if (entry.tags.length === 0 && entry.versions.join() === judged.versions.join()) return entry;
    const { value: _, ...head } = entry;
    return new Ask(head);
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
