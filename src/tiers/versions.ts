import { type Labels as EntryLabels, newStamp, noLabels } from '../entries/entry.js';
import type { KnownLabel, Space } from '../entries/labels.js';
import { type Away, askL2, away, type Core } from './core.js';
import type { JustRead } from './version-reads.js';

/** Asks for what is not known and will be needed to judge what is read meanwhile; undefined when nothing needs to be asked. */
export function askAhead(
  core: Core,
  space: Space,
  others: readonly KnownLabel[],
  deadline: number,
): Promise<JustRead | Away> | undefined {
  const versions = core.l2?.versions;
  if (versions === undefined) return undefined;
  const trusted = (known: KnownLabel) => isTrusted(core, known);
  if (space.all.every(trusted) && others.every(trusted)) return undefined;
  const unknown = [...space.all, ...others].filter((known) => !trusted(known));
  return core.versionReads.read(versions, unknown, 0, deadline);
}

/** Whether the version is known, and may judge entries. */
export function isTrusted({ trust, peers }: Core, { version, epoch }: KnownLabel): boolean {
  return version !== undefined && peers !== undefined && epoch === trust.serving;
}

/** How good a version has to be: with `any` one of our own will do while L2 is away. */
export type Wanted = 'any' | 'known' | 'present';

/** Without the word of others a version is asked for anew after so long, ms: what is written under an old one is written in vain. */
const oldAfter = 250;

/**
 * What an entry made from now on carries. A version that is known here may be used unasked: if it has changed unheard, the entry will
 * count nowhere, which costs a load and no more. Not so where somebody is told that he was the first: then the version is to be the `present`
 * one, asked for unless its changes are heard. Where a write that is lost is to be told it is to be `known`: one of L2's, if not the newest.
 */
export function labelsFor(
  core: Core,
  space: Space,
  tags: readonly string[],
  lasting: number,
  deadline: number,
  wanted: Wanted = 'any',
): EntryLabels | Promise<EntryLabels> {
  const tagged = tags.map((tag) => core.labels.tag(tag));
  if (core.l2 === undefined) return tags.length === 0 ? noLabels : { tags, versions: tagged.map((tag) => madeHere(core, tag)) };
  const { versions } = core.l2;
  if (versions === undefined) return noLabels;
  const labels = tagged.length === 0 ? space.all : [...space.all, ...tagged];
  const unknown = labels.filter((known) => !mayBeCarried(core, known, lasting, wanted));
  if (unknown.length === 0) return { tags, versions: labels.map(({ version }) => version as string) };
  return core.versionReads.read(versions, unknown, lasting, deadline).then(async (read) => {
    // What carries a version of our own counts nowhere else: somebody else would be the first there. So the caller is told what is wrong.
    if (read === away && wanted !== 'any') {
      await askL2(core, 'versions', () =>
        versions.current(
          unknown.map(({ label }) => label),
          lasting,
          deadline,
        ),
      );
      return labelsFor(core, space, tags, lasting, deadline, wanted);
    }
    return {
      tags,
      // While L2 is away a version of our own has to do. It holds here until the true one can be had.
      versions: labels.map((known) => (read === away ? undefined : read.get(known)) ?? madeHere(core, known)),
    };
  });
}

function mayBeCarried(core: Core, known: KnownLabel, lasting: number, wanted: Wanted): boolean {
  if (known.version === undefined || known.until < lasting) return false;
  if (wanted === 'present' || core.peers !== undefined) return isTrusted(core, known);
  return core.clock.monotonic() - known.askedAt < oldAfter;
}

/** Stands for the version until the true one can be had; without L2 it is the true one. */
export function madeHere(core: Core, known: KnownLabel): string {
  if (known.version === undefined) {
    const until = core.l2 === undefined ? Number.POSITIVE_INFINITY : 0;
    core.labels.learn(known, { version: newStamp(), until }, 0, core.clock.monotonic());
  }
  return known.version as string;
}
