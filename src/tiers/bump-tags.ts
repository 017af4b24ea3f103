import { type Label, spaceLabel } from '../entries/labels.js';
import type { Versions } from '../store.js';

/** Its version is bumped with that of any tag, so that who knows it knows that none was. No namespace has this prefix. */
export const anyTagLabel: Label = spaceLabel('*');

/** Gives tags new versions, and with them all tags together, where that is one step. */
export function bumpTags(versions: Versions, tags: readonly Label[], soft: boolean, deadline: number): Promise<void> {
  return versions.bumpAlongside?.(tags, soft, anyTagLabel, deadline) ?? versions.bump(tags, soft, deadline);
}
