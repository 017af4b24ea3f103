import type { SetOptions } from '../cache.js';
import { type Entry, type Life, newEntry } from '../entries/entry.js';
import type { Space } from '../entries/labels.js';
import { inspectValue } from '../entries/portable.js';
import { lifeIn } from './call-options.js';
import type { Core } from './core.js';
import { assertTaggable, noTags, tagsIn } from './tags-in.js';
import { labelsFor, type Wanted } from './versions.js';

/** How a value is to be kept. */
export interface Keeping {
  readonly life: Life;
  readonly tags: readonly string[];
}

/** What the caller wants stored, checked. It becomes an entry under the versions of the moment. */
export interface Draft extends Keeping {
  readonly value: unknown;
}

interface KeepingDefaults extends Life {
  readonly swr: number;
  readonly tags?: readonly string[];
}

/** @throws InvalidValueError, ConfigError, InvalidKeyError, UnsupportedError */
export function draftOf(core: Core, value: unknown, options: SetOptions | undefined, defaults: KeepingDefaults): Draft {
  inspectValue(value);
  return { value, ...keepingIn(core, options, defaults) };
}

/** Of a batch: all of them are checked before one is written. */
export function draftsOf(
  core: Core,
  entries: Iterable<readonly [key: string, value: unknown, own?: SetOptions]>,
  options: SetOptions | undefined,
  defaults: KeepingDefaults,
): Map<string, Draft> {
  const { life, tags } = keepingIn(core, options, defaults);
  const common = { ...life, swr: 0, tags };
  const drafts = new Map<string, Draft>();
  for (const [key, value, own] of entries) drafts.set(key, draftOf(core, value, own, common));
  return drafts;
}

export function keepingIn(core: Core, options: SetOptions | undefined, defaults: KeepingDefaults): Keeping {
  return { life: lifeIn(options, defaults), tags: tagsOf(core, options, defaults.tags ?? noTags) };
}

function tagsOf(core: Core, options: SetOptions | undefined, otherwise: readonly string[]): readonly string[] {
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
