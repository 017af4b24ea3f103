import type { Entry, InvalidateTagsOptions, SetOptions } from '../../src/cache.js';
import { staleFrom } from '../../src/entries/entry.js';
import { listedTags, tagsIn } from '../../src/tiers/tags-in.js';
import { ReferenceCache } from './reference-cache.js';

/** The same with tags: an entry carries how often each was invalidated, hard and softly, before it was made. */
export class TaggedReferenceCache extends ReferenceCache {
  readonly #hard = new Map<string, number>();
  readonly #soft = new Map<string, number>();

  async invalidateTags(tags: Iterable<string>, options?: InvalidateTagsOptions): Promise<void> {
    this.check(options);
    const counts = options?.soft ? this.#soft : this.#hard;
    for (const tag of listedTags(tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }

  protected override entry(value: unknown, options: SetOptions | undefined): Entry {
    const tags = tagsIn(options?.tags);
    return { ...super.entry(value, options), tags, versions: tags.map((tag) => this.#version(tag)) };
  }

  protected override fresh(key: string): Entry | undefined {
    const entry = this.present(key);
    return entry !== undefined && entry.freshUntil > Date.now() ? entry : undefined;
  }

  protected override present(key: string): Entry | undefined {
    const entry = super.present(key);
    if (entry === undefined || !this.#differs(entry)) return entry;
    const stale = staleFrom(entry, Date.now());
    return this.#differs(entry, hardOf) || stale.expiresAt <= Date.now() ? undefined : stale;
  }

  #differs({ tags, versions }: Entry, part = (version: string) => version): boolean {
    return tags.some((tag, index) => part(this.#version(tag)) !== part(versions[index] as string));
  }

  #version(tag: string): string {
    return `${this.#hard.get(tag) ?? 0}~${this.#soft.get(tag) ?? 0}`;
  }
}

function hardOf(version: string): string {
  return version.slice(0, version.indexOf('~'));
}
