import type { TierHealth } from './cache.js';
import type { Entry } from './entries/entry.js';
import type { KnownLabel, Label, Space } from './entries/labels.js';
import type { BackendError } from './errors.js';

/**
 * A backend as the tiers see it: entries in, entries out. Keys arrive checked, values arrive checked, durations arrive as
 * absolute times, so an implementation does nothing but keep entries. `tiers/` builds the whole `Cache` contract on top.
 *
 * `deadline` is a moment on the monotonic clock (`Clock.monotonic`) by which the call must have settled. A store that cannot
 * answer rejects with a `ConnectionError` or `DeadlineError`.
 */
export interface Store {
  /** For errors, events and health: `redis`, `memory`… */
  readonly name: string;
  /** Stale entries are returned too; expired ones are not. An entry that cannot be decoded is a miss (see {@link StoreEvents}). */
  read(key: string, deadline: number): Promise<Entry | undefined>;
  /** One round trip per node. What was read is given although others could not be; `unread` is told of each of those. */
  readMany(keys: readonly string[], deadline: number, unread?: (key: string) => void): Promise<Map<string, Entry>>;
  /** Replaces the entry and voids a lease, atomically. */
  write(key: string, entry: Entry, deadline: number): Promise<void>;
  writeMany(entries: ReadonlyMap<string, Entry>, deadline: number): Promise<void>;
  /** Writes unless a fresh entry is there that counts. */
  writeIfAbsent(key: string, entry: Entry, deadline: number, standing: Standing): Promise<boolean>;
  /** Removes entry and lease, atomically; says whether a fresh or stale entry was there. */
  remove(key: string, deadline: number): Promise<boolean>;
  removeMany(keys: readonly string[], deadline: number): Promise<number>;
  /**
   * Removes the entry and lease of each key, unless the entry carries just that stamp ('' for none), and tells everybody. Harmless however
   * often and whenever it is executed.
   */
  retract(keys: ReadonlyMap<string, string>, deadline: number): Promise<void>;
  /**
   * Removes every entry and lease whose key begins with `prefix` and whose rest matches the glob.
   * `deadline()` gives the deadline of one batch.
   */
  removeMatching(prefix: string, glob: string, deadline: () => number): Promise<number>;
  /** Gives a fresh entry that counts a new `freshUntil`, its grace kept; voids a lease. */
  expire(key: string, freshUntil: number, deadline: number, standing: Standing): Promise<boolean>;
  /** Makes an entry stale whose grace is not over, removes one without grace; voids a lease. Says whether there was one. */
  soften(key: string, deadline: number): Promise<boolean>;
  /** Adds to the number in a fresh entry that counts, whose life is kept, else stores `initial` with `by` as its value. */
  increment(key: string, by: number, initial: Entry<number>, deadline: number, standing: Standing): Promise<number>;
  ping(deadline: number): Promise<void>;
  health(): TierHealth['state'];
  /** Settles when the first connection stands or has failed. Never rejects. */
  ready(): Promise<void>;
  close(): Promise<void>;
  /**
   * Has the listener told when another server than before answers from now on, or one that began anew, so that what was acknowledged may be
   * lost; and of which keys and labels. Absent: that cannot happen.
   */
  onOtherServer?(listener: (affected: Affected) => void): void;
  /** What several processes need to fill one key once. Absent: only this process's fence protects a fill. */
  readonly leases?: Leases;
  /**
   * The versions of tags and namespaces. Absent: the store's entries carry none and it judges them itself, so they cannot be tagged, and a
   * namespace is cleared entry by entry.
   */
  readonly versions?: Versions;
}

/** What another server answers for. */
export interface Affected {
  key(key: string): boolean;
  label(label: Label): boolean;
}

/** Whether an entry that is there still counts: it may have been invalidated by a tag or a namespace, of which it knows nothing. */
export interface Standing {
  /** Of its namespaces, as known here. An entry with just these and without tags counts unasked. */
  readonly versions: readonly string[];
  counts(entry: EntryHead): Promise<boolean>;
}

export type EntryHead = Omit<Entry, 'value'>;

/** Where nothing but its own key can invalidate an entry. */
export const alwaysCounts: Standing = { versions: [], counts: () => Promise.resolve(true) };

/**
 * A version is unique for ever, so that an entry which carries another than the present one is invalid, however it came about: it was bumped,
 * or lost and made anew. It reads `hard` or `hard~soft`: an entry that differs in the soft part only is stale, not gone.
 */
export interface Versions {
  /**
   * The present version of each label, which L2 keeps until `lasting` (ms on this process's wall clock) at least. A missing one is made, and
   * everybody told. One round trip per node.
   */
  current(labels: readonly Label[], lasting: number, deadline: number): Promise<LabelVersion[]>;
  /** Gives each a new version, or only a new soft part, and tells everybody. One round trip per node. */
  bump(labels: readonly Label[], soft: boolean, deadline: number): Promise<void>;
  /**
   * The same where all labels are in one place (absent where they are not): `alongside` gets a new version in each step that gives one to any
   * of them. So whoever finds it the same before and after knows that none of them was given one meanwhile.
   */
  readonly bumpAlongside?: (labels: readonly Label[], soft: boolean, alongside: Label, deadline: number) => Promise<void>;
}

export interface LabelVersion {
  readonly version: string;
  /** L2 keeps it so long unless it has to evict it; ms on this process's wall clock. */
  readonly until: number;
}

/** The right of one process to fill one key. Steps and reasons are in docs/coherence-protocol. */
export interface Leases {
  /**
   * Asks to load `key`. `seen` is the stamp of what the caller has seen there, '' if nothing. A token is used for one request only: asking
   * again after an unknown outcome takes a new one, or a voided lease could be revived. That the last loader failed is `heeded` unless
   * it is to be `ignored`.
   */
  load(key: string, token: string, seen: string, deadline: number, failure?: 'heeded' | 'ignored'): Promise<LoadReply>;
  /** Extends the lease; false when it is no longer ours. */
  renew(key: string, token: string, deadline: number): Promise<boolean>;
  /** Stores the entry if the lease still holds the token and the entry seen at `load` is still the one there. */
  fill(key: string, token: string, entry: Entry, deadline: number): Promise<boolean>;
  /** Gives the lease back without a fill. */
  release(key: string, token: string, deadline: number, failure?: LoadFailure): Promise<void>;
  /** How long an unrenewed lease lives, in ms. */
  readonly ms: number;
}

/** What a loader whose factory failed leaves in the place of its lease, for the others. */
export interface LoadFailure {
  /** So long nobody is to try again, ms. */
  readonly backOff: number;
  /** Also if nobody was turned away while it had the lease. */
  readonly always: boolean;
}

export type LoadReply =
  | { readonly state: 'granted' }
  /** Another loader has the lease for `ms` more. */
  | { readonly state: 'held'; readonly ms: number }
  /** The last loader failed, and nobody is to try again for `ms` more. */
  | { readonly state: 'failed'; readonly ms: number }
  /** An entry with another stamp than `seen` is there: somebody filled or set it meanwhile. */
  | { readonly state: 'newer'; readonly entry: Entry }
  /** Something with this stamp is there that this version cannot read; ask again with it as `seen` to replace just that. */
  | { readonly state: 'unusable'; readonly stamp: string }
  /** The key is on its way between two nodes of a Cluster: nobody can have its lease now, so nothing that is loaded may be stored. */
  | { readonly state: 'moving' };

/** What a store reports besides its answers. */
export interface StoreEvents {
  unreadable(key: string, error: unknown): void;
  /** An operation on many keys was done for some of them; the error says for which it was not. */
  failed?(operation: string, error: BackendError): void;
}

/** An entry as L1 keeps it. */
export interface LocalCopy extends Entry {
  /** The epoch of trust in which the operation that brought it began; see `coherence/epochs.ts`. */
  readonly epoch: number;
  /** Until then it may be served unasked: while it is fresh, and no longer than a copy may stay. */
  readonly servedUntil: number;
  /** It counts while its namespace still has the generation it had when that operation began… */
  readonly space: Space;
  readonly generation: number;
  /** …and each of its `tags` the version that it carries. Undefined without tags. */
  readonly known: readonly KnownLabel[] | undefined;
}

/** A tier in this process: synchronous, bounded, and ignorant of time. Freshness and expiry are judged by whoever reads. */
export interface LocalStore {
  /** Whatever is there, expired or not. Counts as use for eviction. */
  get(key: string): LocalCopy | undefined;
  /** An entry too large to be kept is not, and neither is what was there before. */
  put(key: string, copy: LocalCopy): void;
  /**
   * What one of several callers gets of a value that all of them are to have: itself, itself frozen, or a copy, as `get` would give it.
   * A value that no tier could hold is handed out as it is.
   */
  handOut<T>(value: T): T;
  /** `handOut` gives back what it is given, and need not be called. */
  readonly handsOutReferences: boolean;
  delete(key: string): boolean;
  /** Deletes every key that begins with `prefix` and whose rest matches; says how many, or how many of those that `counts` accepts. */
  deleteMatching(prefix: string, matches?: (rest: string) => boolean, counts?: (copy: LocalCopy) => boolean): number;
  clear(): void;
  keys(): IterableIterator<string>;
  readonly size: number;
  /** Estimated; 0 when nothing is measured. */
  readonly bytes: number;
}
