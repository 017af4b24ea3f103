/** A tag or a namespace, which have versions: `t` and the tag, or `n` and the namespace's prefix. */
export type Label = string;

export function tagLabel(tag: string): Label {
  return `t${tag}`;
}

export function spaceLabel(prefix: string): Label {
  return `n${prefix}`;
}

/** What this process knows of a label's version. Entries in L1 look at it, so that all of them see at once that it changed. */
export interface KnownLabel {
  readonly label: Label;
  /** Undefined when it is not known, or no longer. */
  version: string | undefined;
  /** The epoch of trust in which it was read: it may judge entries while that one serves. 0 for what may judge none. */
  epoch: number;
  /** Grows with each invalidation made or heard, so that a version which was asked for before is not kept after. NaN once forgotten. */
  changes: number;
  /** L2 keeps it until then, ms on this process's wall clock. */
  until: number;
  /** When the version was learnt first, in the order of all that was. */
  learnt: number;
  /** When it was asked for, on the monotonic clock. */
  askedAt: number;
}

/** A namespace; the one with the empty prefix is the whole cache. */
export interface Space extends KnownLabel {
  readonly prefix: string;
  /** Those that it is in, from the outermost, and itself last. */
  readonly all: readonly Space[];
  /** Those known that are directly in it. */
  readonly within: Set<Space>;
  /** Grows whenever it or one that it is in is cleared: a copy made before then counts no more. NaN once it is forgotten. */
  generation: number;
}
