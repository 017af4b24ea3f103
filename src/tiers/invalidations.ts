import { type Space, tagLabel } from '../entries/labels.js';
import { bumpTags } from './bump-tags.js';
import type { Terms } from './call-options.js';
import { change } from './change.js';
import type { Core } from './core.js';
import type { Intent } from './intent.js';
import { ahead, settling } from './settle.js';
import { assertTaggable } from './tags-in.js';
import { removeMatching } from './writes.js';

/** Everything in the namespace counts no more, here at once and elsewhere as soon as it is heard. */
export async function clear(core: Core, { prefix, label }: Space, physical: boolean, terms: Terms): Promise<void> {
  const { l2, labels, local, clock } = core;
  const deadline = clock.monotonic() + terms.budget;
  const clearHere = () => {
    labels.clear(prefix);
    if (prefix === '') local.clear();
  };
  ahead(core, terms, clearHere);
  if (l2?.versions !== undefined) {
    const { versions } = l2;
    const intent: Intent = { kind: 'labels', labels: [label], soft: false };
    await settling(() => change(core, terms, 'clear', intent, () => versions.bump([label], false, deadline)), clearHere);
  }
  if (physical || (l2 !== undefined && l2.versions === undefined)) await removeMatching(core, prefix, '*', terms);
  if (core.events.heard.clear) core.events.emit('clear', { namespace: prefix.slice(0, -1) });
}

/** Everything that carries one of the tags counts no more, or only in place of a factory that fails. */
export async function invalidateTags(core: Core, tags: readonly string[], soft: boolean, terms: Terms): Promise<void> {
  if (tags.length === 0) return;
  assertTaggable(core);
  const { l2, labels, clock, events } = core;
  const versions = l2?.versions;
  const deadline = clock.monotonic() + terms.budget;
  const changeHere = () => {
    for (const tag of tags) labels.changeTag(tag, soft);
  };
  ahead(core, terms, changeHere);
  if (versions !== undefined) {
    const bumped = tags.map(tagLabel);
    const bump = () => bumpTags(versions, bumped, soft, deadline);
    await settling(() => change(core, terms, 'invalidateTags', { kind: 'labels', labels: bumped, soft }, bump), changeHere);
  }
  if (events.heard['invalidate:tags']) events.emit('invalidate:tags', { tags, soft });
}
