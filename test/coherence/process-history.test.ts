import { describe, expect, it } from 'vitest';
import {
  type Invalidation,
  judge,
  type Load,
  overloaded,
  type Read,
  shownViolation,
} from '../support/histories/process-history.js';

const maxStaleness = 500;

const read = (process: string, began: number, version: number, more: Partial<Read> = {}): Read => ({
  process,
  key: 'k',
  began,
  version,
  lag: 0,
  excused: false,
  ...more,
});
const told = (process: string, acknowledged: number, floor: number, more: Partial<Invalidation> = {}): Invalidation => ({
  process,
  call: 'delete k',
  acknowledged,
  floors: [['k', floor]],
  broad: false,
  excused: false,
  ...more,
});
const verdict = (reads: Read[], invalidations: Invalidation[]) => judge({ reads, invalidations }, maxStaleness);

describe('a read is judged by what was acknowledged before it began', () => {
  it.each<[string, Read, Invalidation[]]>([
    ['nothing was invalidated', read('b', 9_000, 1), []],
    ['it is as new as the invalidation', read('b', 9_000, 2), [told('a', 1_000, 2)]],
    ['it is newer', read('b', 9_000, 3), [told('a', 1_000, 2)]],
    ['it is old within the bound', read('b', 1_500, 1), [told('a', 1_000, 2)]],
    ['it began before the acknowledgement', read('b', 999, 1), [told('a', 1_000, 2)]],
    ['it began before the own acknowledgement', read('a', 999, 1), [told('a', 1_000, 2)]],
    ['another key was invalidated', read('b', 9_000, 1, { key: 'other' }), [told('a', 1_000, 2)]],
    ['L2 failed for the reader', read('b', 9_000, 1, { excused: true }), [told('a', 1_000, 2)]],
    ['L2 failed for the writer', read('b', 9_000, 1), [told('a', 1_000, 2, { excused: true })]],
    ['the process did not run', read('b', 1_800, 1, { lag: 400 }), [told('a', 1_000, 2)]],
  ])('good: %s', (_name, one, invalidations) => {
    expect(verdict([one], invalidations).violations).toEqual([]);
  });

  it.each<[string, Read, Invalidation[], number]>([
    ['it is old beyond the bound', read('b', 1_520, 1), [told('a', 1_000, 2)], 1_000],
    ['by a long way', read('b', 99_000, 1), [told('a', 1_000, 2)], 1_000],
    ['its own process was told just now', read('a', 1_000.1, 1), [told('a', 1_000, 2)], 1_000],
    ['among keys that were invalidated together', read('b', 2_000, 1), [told('a', 1_000, 2, { floors: [['x', 1], ['k', 2]] })], 1_000], // biome-ignore format: one case, one line
    ['a later invalidation was of an older version', read('b', 2_000, 4), [told('a', 1_000, 5), told('c', 1_100, 3)], 1_000],
    ['it knew of the first and not of the second', read('b', 2_000, 2), [told('a', 1_000, 2), told('c', 1_100, 3)], 1_100],
    ['the process did not run, but not for so long', read('b', 1_800, 1, { lag: 200 }), [told('a', 1_000, 2)], 1_000],
    ['told out of order', read('b', 2_000, 1), [told('c', 1_600, 3), told('a', 1_000, 2)], 1_000],
  ])('bad: %s', (_name, one, invalidations, since) => {
    const { violations } = verdict([one], invalidations);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatchObject({ read: one, staleFor: one.began - since });
    expect(shownViolation(violations[0] as (typeof violations)[0])).toMatch(/read version \d of k .* when it was \d already/);
  });

  it('what L2 had later counts from then on, and for its own process at once', () => {
    const late = told('a', 1_000, 2, { inForce: 5_000 });
    expect(verdict([read('b', 5_400, 1)], [late]).violations).toEqual([]);
    expect(verdict([read('b', 5_520, 1)], [late]).violations).toHaveLength(1);
    expect(verdict([read('a', 1_001, 1)], [late]).violations).toHaveLength(1);
    const never = told('a', 1_000, 2, { inForce: Number.POSITIVE_INFINITY });
    expect(verdict([read('b', 99_000, 1)], [never]).violations).toEqual([]);
    expect(verdict([read('b', 99_000, 1)], [never, told('c', 3_000, 2)]).violations[0]?.staleFor).toBe(96_000);
  });

  it('without L2 by a bound of its own, if there is one', () => {
    const away = { excused: true };
    const reads = [read('b', 2_900, 1, away), read('b', 3_100, 1, away), read('a', 1_001, 1, away)];
    const { violations } = judge({ reads, invalidations: [told('a', 1_000, 2)] }, maxStaleness, 2_000);
    expect(violations.map((found) => found.read)).toEqual(reads.slice(1));
  });

  it('counts what was stale and for how long, within the bound too', () => {
    const reads = [read('b', 1_100, 1), read('b', 1_300, 1), read('b', 1_300, 2), read('c', 1_700, 1, { lag: 300 })];
    expect(verdict(reads, [told('a', 1_000, 2)])).toEqual({
      reads: 4,
      excused: 0,
      invalidations: 1,
      stale: 3,
      stalest: 700,
      worstLag: 300,
      violations: [],
    });
  });

  it('finds one among 300,000 reads and 30,000 invalidations without comparing each with each', () => {
    const invalidations = Array.from({ length: 30_000 }, (_, at) => told('a', at * 10, at));
    const reads = Array.from({ length: 300_000 }, (_, at) => read('b', at, Math.floor(at / 10)));
    expect(verdict(reads, invalidations).violations).toEqual([]);
    const forgotten = read('b', 200_000, 19_900);
    expect(verdict([...reads, forgotten], invalidations).violations.map((found) => found.read)).toEqual([forgotten]);
  });
});

describe('factories run for a reason', () => {
  const loads = (key: string, count: number, excused = false): Load[] =>
    Array.from({ length: count }, () => ({ process: 'a', key, began: 0, ended: 1, excused }));
  const judged = (made: Load[], invalidations: Invalidation[], leasesLost = 0) =>
    overloaded({ invalidations, loads: made }, { processes: 2, leasesLost });

  it.each<[string, Load[], Invalidation[], number]>([
    ['the first load', loads('k', 1), [], 0],
    ['what an invalidation overtook, once in each process and once where it was loaded', loads('k', 4), [told('a', 1, 1)], 0],
    ['what a broad one may have overtaken', loads('k', 4), [told('a', 1, 1, { broad: true, floors: [] })], 0],
    ['a lease that was lost', loads('k', 2), [], 1],
    ['without L2 each process is for itself', [...loads('k', 1), ...loads('k', 9, true)], [], 0],
  ])('good: %s', (_name, made, invalidations, leasesLost) => {
    expect(judged(made, invalidations, leasesLost)).toEqual([]);
  });

  it('bad: more often', () => {
    expect(judged([...loads('k', 2), ...loads('other', 1)], [])).toEqual(['k: 2 of 1']);
    expect(judged(loads('k', 2), [told('a', 1, 1, { floors: [['other', 1]] })])).toEqual(['k: 2 of 1']);
    expect(judged(loads('k', 5), [told('a', 1, 1)])).toEqual(['k: 5 of 4']);
  });
});
