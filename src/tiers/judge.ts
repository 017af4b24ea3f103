import { type Entry, type Labels, staleFrom } from '../entries/entry.js';
import { mayStandIn } from '../entries/freshness.js';
import type { KnownLabel, Space } from '../entries/labels.js';
import { ConnectionError } from '../errors.js';
import type { EntryHead, LocalCopy, Standing } from '../store.js';
import { type Away, away, type Core } from './core.js';
import { hardPart } from './labels.js';
import type { JustRead } from './version-reads.js';
import { isTrusted } from './versions.js';

/*
 * An entry counts while its namespaces and tags have the versions that it carries. What is known here of those versions can say yes, as
 * long as every change of them is heard. It cannot say no: the entry may have been made under a version that is newer than ours. So a
 * difference is looked into by asking L2 once.
 */

type Verdict = 'counts' | 'stale' | 'gone';

/** What is left of an entry that L2 gave: itself, its stale form, or nothing. `away` when its versions could not be had. */
export function judge(
  core: Core,
  space: Space,
  key: string,
  entry: Entry | undefined,
  deadline: number,
  just: JustRead = nothingRead,
): Entry | undefined | Promise<Entry | undefined | Away> {
  if (entry === undefined || core.l2?.versions === undefined) return entry;
  const labels = labelsOf(core, space, key, entry);
  if (labels === undefined) return undefined;
  const surelyHas = (known: KnownLabel, index: number) => {
    const carried = entry.versions[index];
    return just.get(known) === carried || (known.version === carried && isTrusted(core, known));
  };
  if (labels.every(surelyHas)) return entry;
  const unsure = labels.filter((known, index) => !surelyHas(known, index));
  return core.versionReads.read(core.l2.versions, unsure, 0, deadline).then((read) =>
    read === away
      ? away
      : left(
          core,
          entry,
          verdict(entry, labels, (known) => read.get(known) ?? just.get(known) ?? known.version),
        ),
  );
}

const nothingRead: JustRead = new Map();

/** The same for many, in one round trip more at most. */
export async function judgeMany(
  core: Core,
  space: Space,
  entries: ReadonlyMap<string, Entry>,
  deadline: number,
  just?: JustRead,
): Promise<ReadonlyMap<string, Entry> | Away> {
  if (core.l2?.versions === undefined) return entries;
  const judged = new Map<string, Entry>();
  // Asked for in one turn of the event loop, the versions come together.
  const all = await Promise.all(Array.from(entries, ([key, entry]) => judge(core, space, key, entry, deadline, just)));
  for (const [index, key] of [...entries.keys()].entries()) {
    const entry = all[index];
    if (entry === away) return away;
    if (entry !== undefined) judged.set(key, entry);
  }
  return judged;
}

/** Whether a copy in this process may be served as it is: nothing that it depends on is known to have changed. */
export function isCurrent({ space, generation, known, tags, versions }: LocalCopy): boolean {
  if (generation !== space.generation) return false;
  if (known === undefined) return true;
  const first = versions.length - tags.length;
  for (let index = 0; index < known.length; index += 1) {
    if (known[index]?.version !== versions[first + index]) return false;
  }
  return true;
}

/** What is left of a copy by what is known here: all there is to go by while L2 is away, or without one. */
export function judgeCopy(core: Core, copy: LocalCopy): Entry | undefined {
  if (copy.generation !== copy.space.generation) return undefined;
  const { known, tags, versions } = copy;
  if (known === undefined) return copy;
  const own = { tags, versions: versions.slice(versions.length - tags.length) };
  return left(
    core,
    copy,
    verdict(own, known, ({ version }) => version),
  );
}

/** For operations of L2 that depend on whether an entry is there. */
export function standingIn(core: Core, space: Space, key: string, deadline: number): Standing {
  const trusted = space.all.every((known) => isTrusted(core, known));
  return {
    versions: trusted ? space.all.map(({ version }) => version as string) : [],
    async counts(head: EntryHead) {
      const entry = await judge(core, space, key, { ...head, value: undefined }, deadline);
      if (entry === away) {
        const backend = core.l2?.name ?? 'l2';
        throw new ConnectionError(`${backend}: whether the entry that is there still counts could not be read.`, {
          backend,
          operation: 'versions',
        });
      }
      return entry !== undefined && entry.freshUntil === head.freshUntil;
    },
  };
}

/** In the order of the entry's versions. Undefined for one that was not written in this namespace. */
function labelsOf(core: Core, space: Space, key: string, { tags, versions }: Labels): readonly KnownLabel[] | undefined {
  const depth = versions.length - tags.length;
  if (depth < space.all.length) return undefined;
  const spaces = depth === space.all.length ? space.all : core.labels.spacesOf(key, depth);
  return tags.length === 0 ? spaces : [...spaces, ...tags.map((tag) => core.labels.tag(tag))];
}

function verdict({ versions }: Labels, labels: readonly KnownLabel[], now: (known: KnownLabel) => string | undefined): Verdict {
  let worst: Verdict = 'counts';
  for (const [index, known] of labels.entries()) {
    const carried = versions[index] as string;
    const present = now(known);
    if (present === carried) continue;
    if (present === undefined || hardPart(present) !== hardPart(carried)) return 'gone';
    worst = 'stale';
  }
  return worst;
}

function left<E extends Entry>(core: Core, entry: E, worth: Verdict): Entry | undefined {
  if (worth === 'counts') return entry;
  const now = core.clock.now();
  const stale = worth === 'gone' ? undefined : staleFrom(entry, now);
  return mayStandIn(stale, now) ? stale : undefined;
}
