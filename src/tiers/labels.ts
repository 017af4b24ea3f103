import { newStamp } from '../entries/entry.js';
import { type KnownLabel, type Label, type Space, spaceLabel, tagLabel } from '../entries/labels.js';
import type { LabelVersion } from '../store.js';
import { anyTagLabel } from './bump-tags.js';

/** A tag that is forgotten makes the copies in L1 that carry it be verified, no more. */
const mostTags = 50_000;
const mostSpaces = 10_000;

/** The tags and namespaces that this process has met, and what it knows of their versions. */
export class Labels {
  readonly root: Space = space('', []);
  /** Of all tags together. */
  readonly anyTag: KnownLabel = unknown(anyTagLabel);
  /** Factories of this process name tags that it does not know, so it is worth a round trip to know whether any was invalidated. */
  namesTags = false;
  readonly #tags = new Map<string, KnownLabel>();
  readonly #spaces = new Map<string, Space>();
  #learnt = 0;
  /** How often tags were invalidated, here or as heard: whoever began before does not know what it depends on. */
  bumps = 0;
  /** The same of namespaces. */
  clears = 0;

  /** Grows with all that is learnt. */
  get learnt(): number {
    return this.#learnt;
  }

  tag(tag: string): KnownLabel {
    const known = this.#tags.get(tag) ?? unknown(tagLabel(tag));
    // The least recently used comes first.
    this.#tags.delete(tag);
    this.#tags.set(tag, known);
    if (this.#tags.size > mostTags) this.#forgetOldestTag();
    return known;
  }

  space(prefix: string): Space {
    if (prefix === '') return this.root;
    const known = this.#spaces.get(prefix);
    if (known !== undefined) return known;
    const outer = this.space(prefix.slice(0, prefix.lastIndexOf(':', prefix.length - 2) + 1));
    const made = space(prefix, outer.all);
    outer.within.add(made);
    this.#spaces.set(prefix, made);
    if (this.#spaces.size > mostSpaces) this.#forgetOldestSpaces(made);
    return made;
  }

  /** The namespaces of a key that was written in the `depth`-th, counted from the whole cache. */
  spacesOf(key: string, depth: number): readonly Space[] {
    let end = 0;
    for (let level = 1; level < depth; level += 1) end = key.indexOf(':', end) + 1;
    return this.space(key.slice(0, end)).all;
  }

  learn(known: KnownLabel, { version, until }: LabelVersion, epoch: number, askedAt: number): void {
    if (known.version !== version) this.#tellApart(known);
    known.version = version;
    known.until = until;
    known.epoch = epoch;
    known.askedAt = askedAt;
  }

  /** The one to use for its prefix now, if this one was forgotten. */
  remembered(space: Space): Space {
    return Number.isNaN(space.generation) ? this.space(space.prefix) : space;
  }

  /** The tag was or is being invalidated. */
  changeTag(tag: string, soft = false): void {
    this.bumps += 1;
    change(this.anyTag, undefined);
    const known = this.#tags.get(tag);
    if (known === undefined) return;
    change(known, soft ? softened(known.version) : undefined);
    this.#tellApart(known);
  }

  /** From the version it had for whoever began before. */
  #tellApart(known: KnownLabel): void {
    this.#learnt += 1;
    known.learnt = this.#learnt;
  }

  /** The namespace was or is being cleared. */
  clear(prefix: string): void {
    this.clears += 1;
    const cleared = prefix === '' ? this.root : this.#spaces.get(prefix);
    if (cleared === undefined) return;
    change(cleared, undefined);
    for (const space of withAllWithin(cleared)) space.generation += 1;
  }

  change(label: Label): void {
    if (label === this.anyTag.label) change(this.anyTag, undefined);
    else if (label.startsWith('t')) this.changeTag(label.slice(1));
    else this.clear(label.slice(1));
  }

  /** Any of them may have changed. */
  changeAll(): void {
    this.bumps += 1;
    change(this.anyTag, undefined);
    for (const known of this.#tags.values()) change(known, undefined);
    for (const known of this.#spaces.values()) change(known, undefined);
    this.clear('');
  }

  #forgetOldestTag(): void {
    const [oldest] = this.#tags;
    if (oldest === undefined) return;
    forget(oldest[1]);
    this.#tags.delete(oldest[0]);
  }

  /**
   * With those in them: one whose outer one is forgotten would not hear of its clearing. A tenth at once, since to find those takes a look at
   * all there are.
   */
  #forgetOldestSpaces(butFor: Space): void {
    const oldest = new Set<Space>();
    for (const known of this.#spaces.values()) {
      if (oldest.size >= mostSpaces / 10) break;
      if (!butFor.all.includes(known)) oldest.add(known);
    }
    for (const inner of [...this.#spaces.values()]) {
      if (!inner.all.some((outer) => oldest.has(outer))) continue;
      forget(inner);
      inner.generation = Number.NaN;
      inner.all.at(-2)?.within.delete(inner);
      this.#spaces.delete(inner.prefix);
    }
  }
}

/** Not by a look at all that are known: whoever has a namespace for each user may clear one of them often. */
function* withAllWithin(space: Space): Generator<Space> {
  yield space;
  for (const inner of space.within) yield* withAllWithin(inner);
}

/** Whether a view of `space` sees what is in `other`: itself and the namespaces within. */
export function isWithin(other: Space, space: Space): boolean {
  return other === space || other.prefix.startsWith(space.prefix);
}

function unknown(label: Label): KnownLabel {
  return { label, version: undefined, epoch: 0, changes: 0, until: 0, learnt: 0, askedAt: Number.NEGATIVE_INFINITY };
}

function space(prefix: string, outer: readonly Space[]): Space {
  const made = { ...unknown(spaceLabel(prefix)), prefix, within: new Set(), generation: 0 } as Space & {
    all: readonly Space[];
  };
  made.all = [...outer, made];
  return made;
}

/** What is made here stands for the new version until that is read, so that entries with the old one are seen to be stale. */
function softened(version: string | undefined): string | undefined {
  return version === undefined ? undefined : `${hardPart(version)}~${newStamp()}`;
}

/** Entries that differ from the present version in the rest only are stale, not gone. */
export function hardPart(version: string): string {
  const end = version.indexOf('~');
  return end === -1 ? version : version.slice(0, end);
}

function change(known: KnownLabel, version: string | undefined): void {
  known.changes += 1;
  known.version = version;
  known.until = 0;
}

/** No answer that is still under way may bring it back: copies would look at it, and it hears of no change any more. */
function forget(known: KnownLabel): void {
  change(known, undefined);
  known.changes = Number.NaN;
}
