import type { DeleteOptions, Entry, InvalidateTagsOptions, SetOptions } from '../../src/cache.js';
import type { Mutant } from './mutants.js';
import { TaggedReferenceCache } from './tagged-reference-cache.js';

function mutant(mistake: string, noticedBy: string, Cache: typeof TaggedReferenceCache): Mutant {
  return { mistake, noticedBy, Cache };
}

/** Mistakes about tags and what is only made stale. */
export const tagMutants: readonly Mutant[] = [
  mutant(
    'a soft delete removes',
    'a soft delete makes a value stale and says whether there was one',
    class extends TaggedReferenceCache {
      protected override soften(key: string): boolean {
        return this.remove(key);
      }
    },
  ),
  mutant(
    'a soft delete takes a moment',
    'a soft delete holds from the moment that it is done',
    class extends TaggedReferenceCache {
      override async delete(key: string, options?: DeleteOptions): Promise<boolean> {
        if (!options?.soft) return super.delete(key);
        setTimeout(() => this.soften(key), 1);
        return this.present(key) !== undefined;
      }
    },
  ),
  mutant(
    'a soft delete keeps what has no grace',
    'a soft delete removes what has no grace',
    class extends TaggedReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        return super.entry(value, { ...options, grace: options?.grace === 0 ? '1h' : (options?.grace ?? 0) });
      }
    },
  ),
  mutant(
    'setIfAbsent counts what was softly deleted',
    'what is softly deleted is absent to setIfAbsent, increment and expire',
    class extends TaggedReferenceCache {
      override async setIfAbsent<T>(key: string, value: T, options?: SetOptions): Promise<boolean> {
        return this.present(key) === undefined && super.setIfAbsent(key, value, options);
      }
    },
  ),
  mutant(
    'delete does not see what is stale',
    'delete removes what was softly deleted before',
    class extends TaggedReferenceCache {
      protected override remove(key: string): boolean {
        return this.fresh(key) !== undefined && super.remove(key);
      }
    },
  ),
  mutant(
    'clear leaves what is stale',
    'clear removes everything physically too, stale values included',
    class extends TaggedReferenceCache {
      override async clear(): Promise<void> {
        for (const key of this.entries.keys()) if (this.fresh(key)) this.entries.delete(key);
      }
    },
  ),
  mutant(
    'setMany forgets the tags that are for all',
    'invalidateTags ends what carries one of the tags, whichever call set it',
    class extends TaggedReferenceCache {
      override async setMany<T>(entries: Iterable<readonly [string, T, SetOptions?]>, options?: SetOptions): Promise<void> {
        await super.setMany(entries, { ...options, tags: [] });
      }
    },
  ),
  mutant(
    'only the first of an entry’s tags counts',
    'invalidateTags ends what carries one of the tags, whichever call set it',
    class extends TaggedReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        const entry = super.entry(value, options);
        return { ...entry, tags: entry.tags.slice(0, 1) };
      }
    },
  ),
  mutant(
    'a tag is invalid for ever',
    'a tag can be used again after it was invalidated',
    class extends TaggedReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        const entry = super.entry(value, options);
        return { ...entry, versions: entry.tags.map(() => '0~0') };
      }
    },
  ),
  mutant(
    'tags are joined by commas',
    'a tag may be any text, and is no other',
    class extends TaggedReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        return super.entry(value, options?.tags ? { ...options, tags: options.tags.join().split(',') } : options);
      }
    },
  ),
  mutant(
    'invalidateTags walks its tags twice',
    'invalidateTags takes any iterable, of any length, and nothing',
    class extends TaggedReferenceCache {
      override async invalidateTags(tags: Iterable<string>, options?: InvalidateTagsOptions): Promise<void> {
        for (const _ of tags);
        await super.invalidateTags(tags, options);
      }
    },
  ),
  mutant(
    'soft is as hard',
    'what is softly invalidated is stale, and gone after the next hard one',
    class extends TaggedReferenceCache {
      override async invalidateTags(tags: Iterable<string>): Promise<void> {
        await super.invalidateTags(tags);
      }
    },
  ),
  mutant(
    'increment loses the tags',
    'tags stay through expire and increment, and a later write has its own',
    class extends TaggedReferenceCache {
      override async increment(key: string, by?: number, options?: SetOptions): Promise<number> {
        const sum = await super.increment(key, by, options);
        this.entries.set(key, { ...(this.entries.get(key) as Entry), tags: [], versions: [] });
        return sum;
      }
    },
  ),
  mutant(
    'a string is a list of letters',
    'tags that are none are refused, and nothing is done',
    class extends TaggedReferenceCache {
      override async invalidateTags(tags: Iterable<string>, options?: InvalidateTagsOptions): Promise<void> {
        await super.invalidateTags(typeof tags === 'string' ? [...tags] : tags, options);
      }
    },
  ),
  mutant(
    'more than 64 tags are cut off',
    'an entry takes 64 tags and no more',
    class extends TaggedReferenceCache {
      protected override entry(value: unknown, options: SetOptions | undefined): Entry {
        return super.entry(value, options?.tags ? { ...options, tags: options.tags.slice(0, 64) } : options);
      }
    },
  ),
  mutant(
    'an invalidated tag clears all',
    'tags of another cache are others, and clear is no matter of tags',
    class extends TaggedReferenceCache {
      override async invalidateTags(tags: Iterable<string>, options?: InvalidateTagsOptions): Promise<void> {
        await super.invalidateTags(tags, options);
        this.entries.clear();
      }
    },
  ),
  mutant(
    'a closed cache invalidates',
    'a closed cache refuses invalidateTags',
    class extends TaggedReferenceCache {
      override async invalidateTags(): Promise<void> {}
    },
  ),
];
