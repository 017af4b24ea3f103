import { type Labels as EntryLabels, newStamp, noLabels } from '../entries/entry.js';
import type { KnownLabel, Space } from '../entries/labels.js';
import type { LabelVersion, Versions } from '../store.js';
import { type Away, away, type Core, tryL2 } from './core.js';

/** What labels were read together: all that was asked for in one turn of the event loop goes in one round trip per node. */
interface Batch {
  readonly labels: Set<KnownLabel>;
  lasting: number;
  deadline: number;
  readonly answer: Promise<JustRead | Away>;
}

/** Reads versions from L2, and keeps those that may be kept. */
export class VersionReads {
  #batch: Batch | undefined;

  /** L2 will keep them until `lasting` (wall clock, ms) at least. */
  read(
    core: Core,
    versions: Versions,
    labels: Iterable<KnownLabel>,
    lasting: number,
    deadline: number,
  ): Promise<JustRead | Away> {
    if (deadline <= core.clock.monotonic()) return Promise.resolve(away);
    const batch = this.#batch ?? this.#open(core, versions);
    for (const label of labels) batch.labels.add(label);
    batch.lasting = Math.max(batch.lasting, lasting);
    batch.deadline = Math.max(batch.deadline, deadline);
    return batch.answer;
  }

  #open(core: Core, versions: Versions): Batch {
    const batch: Batch = {
      labels: new Set(),
      lasting: 0,
      deadline: 0,
      answer: Promise.resolve().then(() => this.#send(core, versions)),
    };
    this.#batch = batch;
    return batch;
  }

  async #send(core: Core, versions: Versions): Promise<JustRead | Away> {
    const { labels: asked, lasting, deadline } = this.#batch as Batch;
    this.#batch = undefined;
    const labels = [...asked];
    const changes = labels.map((known) => known.changes);
    const epoch = core.peers === undefined ? 0 : core.trust.current;
    const askedAt = core.clock.monotonic();
    const names = labels.map(({ label }) => label);
    const found = await tryL2(core, 'versions', () => versions.current(names, lasting, deadline));
    if (found === away) return away;
    const answer = new Map<KnownLabel, string>();
    for (const [index, known] of labels.entries()) {
      const version = found[index] as LabelVersion;
      answer.set(known, version.version);
      // One that was read while nothing can be trusted may have changed unheard, before it was kept or after.
      if (known.changes === changes[index]) core.labels.learn(known, version, epoch, askedAt);
    }
    return answer;
  }
}

/** Versions that were read just now: after the call began that they are to judge for. */
export type JustRead = ReadonlyMap<KnownLabel, string>;

/** Asks for what is not known and will be needed to judge what is read meanwhile; undefined when nothing needs to be asked. */
export function askAhead(
  core: Core,
  space: Space,
  others: readonly KnownLabel[],
  deadline: number,
): Promise<JustRead | Away> | undefined {
  const versions = core.l2?.versions;
  if (versions === undefined) return undefined;
  const isKnown = (known: KnownLabel) => known.version !== undefined && isTrusted(core, known);
  if (space.all.every(isKnown) && others.every(isKnown)) return undefined;
  const unknown = [...space.all, ...others].filter((known) => !isKnown(known));
  return core.versionReads.read(core, versions, unknown, 0, deadline);
}

/** Whether what is known of the version may judge entries. */
export function isTrusted({ trust, peers }: Core, { epoch }: KnownLabel): boolean {
  return peers !== undefined && epoch === trust.serving;
}

/** Without the word of others a version is asked for anew after so long, ms: what is made under an old one is made in vain. */
const oldAfter = 2_000;

/**
 * What an entry made from now on carries. A version that is known here may be used unasked: if it has changed unheard, the entry will
 * count nowhere, which costs a load and no more.
 */
export function labelsFor(
  core: Core,
  space: Space,
  tags: readonly string[],
  lasting: number,
  deadline: number,
): EntryLabels | Promise<EntryLabels> {
  const tagged = tags.map((tag) => core.labels.tag(tag));
  if (core.l2 === undefined) return tags.length === 0 ? noLabels : { tags, versions: tagged.map((tag) => madeHere(core, tag)) };
  const { versions } = core.l2;
  if (versions === undefined) return noLabels;
  const labels = tagged.length === 0 ? space.all : [...space.all, ...tagged];
  const unknown = labels.filter((known) => !mayBeCarried(core, known, lasting));
  if (unknown.length === 0) return { tags, versions: labels.map(({ version }) => version as string) };
  return core.versionReads.read(core, versions, unknown, lasting, deadline).then((read) => ({
    tags,
    // While L2 is away a version of our own has to do. It holds here until the true one can be had.
    versions: labels.map((known) => (read === away ? undefined : read.get(known)) ?? madeHere(core, known)),
  }));
}

function mayBeCarried(core: Core, known: KnownLabel, lasting: number): boolean {
  if (known.version === undefined || known.until < lasting) return false;
  return isTrusted(core, known) || core.clock.monotonic() - known.askedAt < oldAfter;
}

/** Stands for the version until the true one can be had; without L2 it is the true one. */
export function madeHere(core: Core, known: KnownLabel): string {
  if (known.version === undefined) {
    const until = core.l2 === undefined ? Number.POSITIVE_INFINITY : 0;
    core.labels.learn(known, { version: newStamp(), until }, 0, core.clock.monotonic());
  }
  return known.version as string;
}
