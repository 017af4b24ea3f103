import type { Core } from './core.js';

/**
 * Has L2 keep the versions of these tags until `lasting` (wall clock, ms), for an entry whose life was not known when they were read: it would
 * end with them. One that has changed meanwhile is no concern here, since the entry carries the old one. While L2 is away nothing is done.
 */
export async function outlast(core: Core, tags: readonly string[], lasting: number, deadline: number): Promise<void> {
  const versions = core.l2?.versions;
  if (versions === undefined) return;
  const short = tags.map((tag) => core.labels.tag(tag)).filter(({ until }) => until < lasting);
  if (short.length > 0) await core.versionReads.read(versions, short, lasting, deadline);
}
