import { type CacheBuilder, cacheBuilder, type TieredCache } from 'tierkeep';
import { expect } from 'vitest';

export const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A process that keeps nothing in memory: it sees what is in L2 and what counts there. */
export function witnessOf(through: (builder: CacheBuilder) => CacheBuilder, name = 'shop'): TieredCache {
  return through(cacheBuilder(name).budget('10s').logger(quiet)).build();
}

/** One key for each kind of change. In a Cluster they are spread over its masters. */
const plain = ['set', 'setMany:1', 'setMany:2', 'deleted', 'deletedMany:1', 'deletedMany:2', 'pattern:1', 'pattern:2'];
const soft = ['softened', 'tagged:softly'];
const all = [...plain, ...soft, 'tagged'];
const inSpace = ['cleared:1', 'cleared:2'];
const sets = ['set', 'setMany:1', 'setMany:2'];

/** Puts down what is to be changed. */
export async function putDown(cache: TieredCache): Promise<void> {
  const life = { ttl: '1h', grace: '1h' } as const;
  await cache.setMany(
    all.map((key) => [key, 'old', { tags: key === 'tagged' ? ['hard'] : key === 'tagged:softly' ? ['soft'] : [] }]),
    life,
  );
  await cache.namespace('users').setMany(
    inSpace.map((key) => [key, 'old']),
    life,
  );
}

/** Each kind of change. They settle together. */
export async function changeAll(cache: TieredCache): Promise<void> {
  await Promise.all([
    cache.set('set', 'new'),
    cache.setMany([
      ['setMany:1', 'new'],
      ['setMany:2', 'new'],
    ]),
    cache.delete('deleted'),
    cache.delete('softened', { soft: true }),
    cache.deleteMany(['deletedMany:1', 'deletedMany:2']),
    cache.deletePattern('pattern:*'),
    cache.invalidateTags(['hard']),
    cache.invalidateTags(['soft'], { soft: true }),
    cache.namespace('users').clear(),
  ]);
}

/** That a cache sees nothing of what was there before, but as a stand-in where it was made stale only. */
export async function expectChanged(cache: TieredCache, what: 'sets are there' | 'sets may be gone'): Promise<void> {
  const errors = cache.stats().l2Errors;
  const found = await cache.getMany(all);
  expect(sets.map((key) => found.get(key)).filter((value) => value !== 'new' && value !== undefined)).toEqual([]);
  if (what === 'sets are there') expect(sets.map((key) => found.get(key))).toEqual(sets.map(() => 'new'));
  expect([...found.keys()].filter((key) => !sets.includes(key))).toEqual([]);
  expect([...(await cache.namespace('users').getMany(inSpace))]).toEqual([]);
  const entries = await Promise.all([...plain, 'tagged'].map((key) => cache.getEntry(key)));
  expect(entries.filter((entry) => entry?.value === 'old')).toEqual([]);
  // Stale, or gone if that could not be done: never fresh.
  for (const key of soft) expect((await cache.getEntry(key))?.freshUntil ?? 0).toBeLessThanOrEqual(Date.now());
  // What it could not ask for is no answer.
  expect(cache.stats().l2Errors).toBe(errors);
}

export const hardlyGone = ['deleted', 'deletedMany:1', 'deletedMany:2', 'pattern:1', 'pattern:2'];
