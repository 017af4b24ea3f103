import type { Labels } from '../entries/entry.js';
import type { KnownLabel } from '../entries/labels.js';
import { away, type Core } from './core.js';
import type { Flight } from './flight.js';
import { madeHere } from './versions.js';

/** What was known before the factory ran. */
export interface Before {
  readonly labels: Labels;
  /** The version of all tags together, and how often one was invalidated, here or as heard. */
  readonly anyTag: string | undefined;
  readonly bumps: number;
}

/**
 * What the value carries, with the tags that its factory named. Such a tag may have been invalidated while the factory ran. That can be told
 * of one whose version was known here before: if it still has that version, it has not been, and if it was unheard, the entry carries
 * the old version and counts nowhere. Of another one it can be told if no tag at all was invalidated: each step of an invalidation changes the
 * version of all together too, so if that is the same after the tag's own was read, this one is from before. Undefined when it cannot be told.
 */
export async function withNamed(
  core: Core,
  flight: Flight,
  before: Before,
  named: readonly string[],
  lasting: number,
  deadline: number,
  alone: boolean,
): Promise<Labels | undefined> {
  if (named.length === 0) return before.labels;
  const tags = named.map((tag) => core.labels.tag(tag));
  // Of now: what is learnt while others are asked for may be from after the factory.
  const had = tags.map(({ version }) => version);
  const unknown = tags.filter((known) => !isUnchanged(core, flight, known, alone));
  const read = unknown.length === 0 ? undefined : await readUnchanged(core, before, unknown, lasting, deadline);
  if (unknown.length > 0 && read === undefined) return undefined;
  const { labels } = before;
  return {
    tags: [...labels.tags, ...named],
    versions: [...labels.versions, ...tags.map((known, index) => read?.get(known) ?? had[index] ?? madeHere(core, known))],
  };
}

function isUnchanged({ labels }: Core, { learnt, bumps }: Flight, known: KnownLabel, alone: boolean): boolean {
  if (known.version !== undefined && known.learnt <= learnt) return true;
  // What is kept for this process only needs to know of its own invalidations only.
  return alone && labels.bumps === bumps;
}

async function readUnchanged(
  core: Core,
  { anyTag, bumps }: Before,
  unknown: readonly KnownLabel[],
  lasting: number,
  deadline: number,
): Promise<ReadonlyMap<KnownLabel, string> | undefined> {
  const { versionReads, labels } = core;
  const versions = core.l2?.versions;
  if (versions === undefined) return undefined;
  // In a Cluster it cannot be told; but what is learnt now is known to the next load.
  labels.namesTags = versions.bumpAlongside !== undefined;
  const read = await versionReads.read(versions, unknown, lasting, deadline);
  if (read === away || anyTag === undefined) return undefined;
  const any = await versionReads.read(versions, [labels.anyTag], 0, deadline);
  if (any === away || any.get(labels.anyTag) !== anyTag) return undefined;
  // Who could not change it invalidated a tag all the same.
  return labels.bumps === bumps ? read : undefined;
}
