import { randomBytes } from 'node:crypto';

/**
 * A value with its metadata. All times are absolute (ms since the epoch, this process's wall clock), so that promoting an entry
 * into another tier never extends its life. `Infinity` means never.
 */
export interface Entry<T = unknown> {
  readonly value: T;
  readonly createdAt: number;
  /** Until then it is fresh: `get` serves it. */
  readonly freshUntil: number;
  /** Until then it is stale but may stand in for a factory that fails; afterwards it is gone. */
  readonly expiresAt: number;
  /** How long the factory took, in ms; 0 for a value that was set. */
  readonly cost: number;
  /** Unique for every write. Tells two writes of one key apart, whatever their values and times. */
  readonly stamp: string;
  /** What it was tagged with. */
  readonly tags: readonly string[];
  /**
   * The versions that its namespaces and its tags had before it was made, first of the namespaces from the outermost in, then of `tags`
   * in their order. It counts while they are still the ones. Empty where nothing but its own key can invalidate it.
   */
  readonly versions: readonly string[];
}

/** What an entry was made under. */
export type Labels = Pick<Entry, 'tags' | 'versions'>;

export const noLabels: Labels = { tags: [], versions: [] };

/** How long an entry is to live, in ms, from now. */
export interface Life {
  readonly ttl: number;
  readonly grace: number;
  /** Up to so much is taken from the TTL at random. Default 0. */
  readonly jitter?: number;
}

export function newEntry<T>(value: T, life: Life, now: number, { cost = 0, labels = noLabels } = {}): Entry<T> {
  const { tags, versions } = labels;
  const freshUntil = now + (life.jitter ? jittered(life.ttl, life.jitter) : life.ttl);
  return { value, createdAt: now, freshUntil, expiresAt: freshUntil + life.grace, cost, stamp: newStamp(), tags, versions };
}

/** Never nothing: what was to be stored is stored. */
function jittered(ttl: number, jitter: number): number {
  return Math.max(Math.round(ttl - Math.random() * Math.min(jitter, ttl)), 1);
}

/** The same entry, stale from now on; gone if there is no grace. */
export function staleFrom<T>(entry: Entry<T>, now: number): Entry<T> {
  if (entry.freshUntil <= now) return entry;
  return { ...entry, freshUntil: now, expiresAt: entry.expiresAt === entry.freshUntil ? now : entry.expiresAt };
}

/** The same entry with an end that is no later than `latest`. */
export function cappedAt<T>(entry: Entry<T>, latest: number): Entry<T> {
  if (entry.expiresAt <= latest) return entry;
  return { ...entry, freshUntil: Math.min(entry.freshUntil, latest), expiresAt: latest };
}

/**
 * A write nonce: never used twice. The first eight characters are random per process, the rest count.
 * Drawing random bytes for every write would cost more than the write's own bookkeeping.
 */
export function newStamp(): string {
  counter += 1;
  if (counter > largestCounter) {
    processNonce = randomBytes(6).toString('base64url');
    counter = 1;
  }
  return processNonce + counter.toString(36);
}

const largestCounter = 36 ** 6 - 1;
let processNonce = randomBytes(6).toString('base64url');
let counter = 0;
