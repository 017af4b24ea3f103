import type { SetOptions } from '../cache.js';
import { type Entry, type Life, newEntry } from '../entries/entry.js';
import type { Space } from '../entries/labels.js';
import { inspectValue } from '../entries/portable.js';
import { lifeIn } from './call-options.js';
import type { Core } from './core.js';
import { assertTaggable, noTags, tagsIn } from './tags-in.js';
import { labelsFor, type Wanted } from './versions.js';

/** What the caller wants stored, checked. It becomes an entry under the versions of the moment. */
export interface Draft {
  readonly value: unknown;
  readonly life: Life;
  readonly tags: readonly string[];
}

/** @throws InvalidValueError, ConfigError, InvalidKeyError, UnsupportedError */
export function draftOf(
  core: Core,
  value: unknown,
  options: SetOptions | undefined,
  defaults: Life & { readonly tags?: readonly string[] },
): Draft {
  inspectValue(value);
  return { value, life: lifeIn(options, defaults), tags: tagsOf(core, options, defaults.tags) };
}

export function tagsOf(core: Core, options: SetOptions | undefined, otherwise = noTags): readonly string[] {
  if (options?.tags === undefined) return otherwise;
  const tags = tagsIn(options.tags);
  // Whoever has none to give may say so anywhere.
  if (tags.length > 0) assertTaggable(core);
  return tags;
}

export function entryFrom(
  core: Core,
  space: Space,
  { value, life, tags }: Draft,
  deadline: number,
  wanted: Wanted = 'any',
): Entry | Promise<Entry> {
  const now = core.clock.now();
  const labels = labelsFor(core, space, tags, now + life.ttl + life.grace, deadline, wanted);
  if (!(labels instanceof Promise)) return newEntry(value, life, now, { labels });
  return labels.then((asked) => newEntry(value, life, now, { labels: asked }));
}
