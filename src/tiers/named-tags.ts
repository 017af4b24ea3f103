import type { Labels } from '../entries/entry.js';
import type { KnownLabel } from '../entries/labels.js';
import type { Core } from './core.js';
import type { Flight } from './flights.js';
import { madeHere } from './versions.js';

/** How long a version that nobody waits for may take, ms. */
const learnWithinMs = 1_000;

/**
 * What the value carries, with the tags that its factory named. Such a tag may have been invalidated while the factory ran. That can be told
 * only of one whose version was known here before: if it still has that version, it has not been, and if it was unheard, the entry carries
 * the old version and counts nowhere. Undefined when it cannot be told. The version is learnt then, for the next load.
 */
export function withNamed(core: Core, flight: Flight, before: Labels, named: readonly string[]): Labels | undefined {
  if (named.length === 0) return before;
  const tags = named.map((tag) => core.labels.tag(tag));
  const unknown = tags.filter((known) => !isUnchanged(core, flight, known));
  if (unknown.length > 0) {
    learn(core, unknown);
    return undefined;
  }
  return {
    tags: [...before.tags, ...named],
    versions: [...before.versions, ...tags.map((known) => known.version ?? madeHere(core, known))],
  };
}

function isUnchanged({ l2, labels }: Core, { learnt, bumps }: Flight, known: KnownLabel): boolean {
  if (known.version !== undefined && known.learnt <= learnt) return true;
  // Alone in the world, a process knows of every invalidation.
  return l2 === undefined && labels.bumps === bumps;
}

function learn(core: Core, unknown: readonly KnownLabel[]): void {
  const versions = core.l2?.versions;
  if (versions === undefined) return;
  core.versionReads.read(versions, unknown, 0, core.clock.monotonic() + learnWithinMs).catch(() => undefined);
}
