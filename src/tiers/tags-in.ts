import { checkTag } from '../entries/keys.js';
import { ConfigError, UnsupportedError } from '../errors.js';
import type { Core } from './core.js';

/** An entry names all of its tags in L2, and a hit looks at each. */
const mostTags = 64;

export const noTags: readonly string[] = [];

/**
 * The tags of one entry, each once, after those it has already.
 * @throws ConfigError for what is no list, or too long
 * @throws InvalidKeyError for an empty tag or one of more than 512 bytes
 */
export function tagsIn(tags: Iterable<string> | undefined, before: readonly string[] = noTags): readonly string[] {
  if (tags === undefined) return before;
  const all = new Set(before);
  for (const tag of listedTags(tags)) all.add(tag);
  if (all.size <= mostTags) return [...all];
  throw new ConfigError(
    `An entry takes at most ${mostTags} tags, got ${all.size}. Tag it with what they have in common, or keep a list of keys elsewhere.`,
  );
}

/** @throws as {@link tagsIn} */
export function listedTags(tags: Iterable<string>): readonly string[] {
  if (typeof tags !== 'object' || tags === null || typeof tags[Symbol.iterator] !== 'function') {
    throw new ConfigError(
      `tags must be a list, such as ['org:1']; got ${typeof tags === 'string' ? `'${tags}'` : String(tags)}.`,
    );
  }
  const listed = [...new Set(tags)];
  for (const tag of listed) checkTag(tag);
  return listed;
}

/** @throws UnsupportedError for a cache whose last tier could not tell other processes, or itself after a restart, what was invalidated. */
export function assertTaggable({ l2 }: Core): void {
  if (l2 === undefined || l2.versions !== undefined) return;
  throw new UnsupportedError(
    `Tags need a last tier that keeps their versions; ${l2.name} does not. Use .redis(), .cluster(), .sentinel() or memory alone.`,
  );
}
