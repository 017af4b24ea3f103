import { describe, expect, it } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { failing, kinds } from '../support/label-kinds.js';
import { loses, ownAndOther, told } from '../support/own-and-other.js';
import { settled } from '../support/simulated-process.js';

const grace = { defaults: { grace: 60_000 } };

/** From the outside in. */
const views: readonly (readonly [string, string, (cache: TieredCache) => TieredCache])[] = [
  ['the whole cache', 'n:m:k', (cache) => cache],
  ['the outer namespace', 'm:k', (cache) => cache.namespace('n')],
  ['its own', 'k', (cache) => cache.namespace('n').namespace('m')],
];
const innermost = views[2]?.[2] as (cache: TieredCache) => TieredCache;

const clears: readonly (readonly [string, readonly string[], (cache: TieredCache) => Promise<unknown>])[] = [
  ['the whole cache', [], (cache) => cache.clear()],
  ['the outer namespace', [], (cache) => cache.namespace('n').clear()],
  ['the namespace', [], (cache) => innermost(cache).clear()],
  ['the tag', ['t'], (cache) => cache.invalidateTags(['t'])],
];

describe.each(clears)('%s that L2 has not heard is cleared', (_, tags, clear) => {
  it.each(views)('shows nothing from before through %s, nor after it was told', async (_view, key, view) => {
    const both = await ownAndOther();
    const { own, other } = both;
    await innermost(other.cache).set('k', 'old', { tags });
    await settled();
    // Known, trusted and in memory.
    expect(await view(own.cache).get(key)).toBe('old');
    await loses(own, clear, 'bump');
    expect(await view(own.cache).get(key)).toBeUndefined();
    expect((await view(own.cache).getMany([key])).size).toBe(0);
    expect(view(own.cache).peek(key)).toBeUndefined();
    expect(await view(own.cache).getOrSet(key, () => 'made')).toBe('made');
    await told(both);
    expect(own.core.journal.size).toBe(0);
    expect(await view(other.cache).get(key)).not.toBe('old');
    expect(await view(own.cache).get(key)).not.toBe('old');
  });

  it('keeps what is made meanwhile for this process, and no longer than until it was told', async () => {
    const both = await ownAndOther();
    const { own, other } = both;
    const [mine, theirs] = [innermost(own.cache), innermost(other.cache)];
    await loses(own, clear, 'bump');
    await mine.set('set', 'new', { tags });
    expect(await mine.getOrSet('made', () => 'new', { tags })).toBe('new');
    expect([await mine.get('set'), await mine.get('made')]).toEqual(['new', 'new']);
    await settled();
    // They carry a version that nobody else has ever heard of.
    expect([await theirs.get('set'), await theirs.get('made')]).toEqual([undefined, undefined]);
    await told(both);
    // It may be gone, since it was made under what is now an older version; but it does not come and go.
    expect(await mine.get('set')).toBe(await theirs.get('set'));
    await mine.set('set', 'newer', { tags });
    expect(await theirs.get('set')).toBe('newer');
    expect(await theirs.getOrSet('made', () => 'again', { tags })).toBe('again');
    expect(await mine.get('made')).toBe('again');
  });
});

describe('a tag that L2 has not heard is stale', () => {
  it('stands in where the factory fails, before it is told and after', async () => {
    const both = await ownAndOther({}, grace);
    const { own, other } = both;
    await own.cache.set('k', 'old', { tags: ['t'] });
    await settled();
    await loses(own, (cache) => cache.invalidateTags(['t'], { soft: true }), 'bump');
    expect(await own.cache.get('k')).toBeUndefined();
    expect(await failing(own.cache)).toBe('old');
    await told(both);
    expect(await other.cache.get('k')).toBeUndefined();
    expect(await failing(other.cache)).toBe('old');
    expect(await failing(own.cache)).toBe('old');
  });

  it('stands in for nothing if it is invalidated after that', async () => {
    const both = await ownAndOther({}, grace);
    const { own, other } = both;
    await own.cache.set('k', 'old', { tags: ['t'] });
    await settled();
    await loses(own, (cache) => cache.invalidateTags(['t']), 'bump');
    await loses(own, (cache) => cache.invalidateTags(['t'], { soft: true }), 'bump');
    await told(both);
    for (const { cache } of [own, other]) expect(await failing(cache)).toBe('failed');
  });
});

describe('a physical clear', () => {
  it.each(['bump', 'scanEntries'])('is done in the end when its %s is lost', async (operation) => {
    const both = await ownAndOther();
    const { own, other, server } = both;
    await own.cache.namespace('n').set('k', 'old');
    await own.cache.set('elsewhere', 'kept');
    await settled();
    await loses(own, (cache) => cache.namespace('n').clear({ physical: true }), operation);
    expect(await own.cache.namespace('n').get('k')).toBeUndefined();
    await told(both);
    expect(server.entryKeys()).toEqual(['elsewhere']);
    expect(await other.cache.get('elsewhere')).toBe('kept');
    expect(own.core.journal.size).toBe(0);
  });
});

describe.each(kinds)('$name that overflows what may be held', (kind) => {
  it('is the end of everything from before, and of nothing that comes after', async () => {
    const both = await ownAndOther({}, { journal: { maxNames: 1, window: 60_000 } });
    const { own, other } = both;
    await kind.view(other.cache).set('k', 'old', { tags: kind.tags });
    await other.cache.set('elsewhere', 'old');
    await settled();
    await loses(own, (cache) => cache.delete('unheard'));
    await loses(own, kind.invalidate, 'bump');
    expect(own.core.journal.overflowed).toBe(true);
    // Not even by a version that is learnt anew before L2 has heard of it.
    for (let again = 0; again < 2; again += 1) expect(await kind.view(own.cache).get('k')).toBeUndefined();
    expect(await own.cache.get('elsewhere')).toBeUndefined();
    await told(both);
    for (const { cache } of [own, other]) {
      expect(await kind.view(cache).get('k')).toBeUndefined();
      expect(await cache.get('elsewhere')).toBeUndefined();
    }
    await kind.view(own.cache).set('k', 'new', { tags: kind.tags });
    expect(await kind.view(other.cache).get('k')).toBe('new');
  });

  it('brings back no copy that was in memory', async () => {
    const { own } = await ownAndOther({}, { journal: { maxNames: 1, window: 60_000 } });
    const mine = kind.view(own.cache);
    await mine.set('k', 'old', { tags: kind.tags });
    await loses(own, (cache) => cache.delete('unheard'));
    await loses(own, kind.invalidate, 'bump');
    await mine.set('other', 'new', { tags: kind.tags });
    expect(await mine.get('k')).toBeUndefined();
  });
});
