import { cacheBuilder } from 'tierkeep';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';

it('evictions are counted at once and told after the write, in their order', async () => {
  await using cache = cacheBuilder().memory({ maxEntries: 2 }).build();
  const heard: string[] = [];
  cache.on('evict', ({ key }) => heard.push(key));
  const written = cache.setMany(['a', 'b', 'c', 'd'].map((key) => [key, 1] as const));
  expect([heard, cache.stats().evictions]).toEqual([[], 2]);
  await written;
  await eventually(() => expect(heard).toEqual(['a', 'b']));
});

it.each(['a new key', 'what was evicted'])(
  'a listener may write %s, for ever, and all others have their turn',
  async (what) => {
    await using cache = cacheBuilder().memory({ maxEntries: 10 }).build();
    let told = 0;
    let inside = 0;
    let deepest = 0;
    const failures: unknown[] = [];
    cache.on('evict', ({ key }) => {
      told += 1;
      inside += 1;
      deepest = Math.max(deepest, inside);
      cache.set(what === 'a new key' ? `new ${told}` : key, told).catch((error: unknown) => failures.push(error));
      inside -= 1;
    });
    for (let i = 0; i < 20; i += 1) await cache.set(`k${i}`, i);
    await eventually(() => expect(told).toBeGreaterThan(500));
    expect([deepest, failures, cache.stats().entries]).toEqual([1, [], 10]);
  },
);
