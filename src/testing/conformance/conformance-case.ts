import assert from 'node:assert/strict';
import type { Cache, TieredCache } from '../../cache.js';

/** What a case is given to work with. */
export interface ConformanceContext {
  /** Fresh, empty, and closed by the suite afterwards. */
  readonly cache: Cache;
  /** The name it was made with. */
  readonly name: string;
  /** Another cache over the same backend, closed by the suite too. */
  another(name: string): Promise<Cache>;
}

/** One promise of the contract. Rejects, with what was wrong, when the cache does not keep it. */
export interface ConformanceCase {
  readonly name: string;
  run(context: ConformanceContext): Promise<void>;
}

export function conforms(name: string, run: (context: ConformanceContext) => Promise<void>): ConformanceCase {
  return { name, run };
}

/** A cache whose entries can be tagged. */
export type TaggedCache = Cache & Pick<TieredCache, 'invalidateTags'>;

/** A promise that only such caches make. */
export function conformsByTags(
  name: string,
  run: (context: ConformanceContext & { readonly cache: TaggedCache }) => Promise<void>,
): ConformanceCase {
  return conforms(name, async ({ cache, ...context }) => {
    assert.ok(isTagged(cache), 'The cache has no invalidateTags(). If it is not to have any, leave `tags` out.');
    await run({ ...context, cache });
  });
}

function isTagged(cache: Cache): cache is TaggedCache {
  return typeof (cache as Partial<TaggedCache>).invalidateTags === 'function';
}
