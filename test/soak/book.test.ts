import { describe, expect, it } from 'vitest';
import { type Invalidation, judge, type Load, type Read } from '../support/histories/process-history.js';
import { emptyHistory } from '../support/histories/recorder.js';
import { Book, doubled, weakened } from '../support/soak/book.js';
import { judgeRound } from '../support/soak/judgement.js';

const read = (began: number, version: number, more: Partial<Read> = {}): Read => ({
  process: 'b',
  key: 'k',
  began,
  version,
  lag: 0,
  excused: false,
  ...more,
});
const told = (acknowledged: number, floor: number, more: Partial<Invalidation> = {}): Invalidation => ({
  process: 'a',
  call: 'delete k',
  began: acknowledged - 1,
  acknowledged,
  floors: [['k', floor]],
  broad: false,
  excused: false,
  ...more,
});
const load = (process: string, began: number, ended: number, more: Partial<Load> = {}): Load => ({
  process,
  key: 'k',
  began,
  ended,
  excused: false,
  ...more,
});

describe('what is kept of many reads accuses as all of them would', () => {
  it('the latest of each version, and the latest that is sure to have heard', () => {
    const reads = [read(1_000, 1), read(1_700, 1), read(1_800, 1, { lag: 600 }), read(1_100, 2), read(1_900, 2)];
    const book = new Book();
    book.add({ ...emptyHistory(), reads });
    const { history } = book;
    expect(history.reads.length).toBeLessThan(reads.length + 1);
    const worst = ({ reads: all }: { reads: Read[] }) =>
      judge({ reads: all, invalidations: [told(1_000, 2)] }, 500).violations.map((found) => found.read);
    expect(new Set(worst(history))).toEqual(new Set(worst({ reads })));
    expect(book.reads).toBe(5);
  });

  it('in the next round the highest floors still count', () => {
    const book = new Book();
    book.add({
      ...emptyHistory(),
      reads: [read(1_000, 1)],
      invalidations: [told(1_000, 5), told(2_000, 3), told(2_500, 9, { excused: true })],
    });
    book.turn();
    book.add({ ...emptyHistory(), reads: [read(9_000, 4)] });
    const { history } = book;
    expect(history.reads).toHaveLength(1);
    expect(judge(history, 500).violations[0]).toMatchObject({ floor: 5, staleFor: 8_000 });
  });
});

describe('what a server had acknowledged whose data were lost', () => {
  const losses = [{ from: 1_000, until: 4_000 }];
  const inForce = (one: Invalidation, deaths: [string, number][] = []) => weakened([one], losses, new Map(deaths))[0]?.inForce;

  it('is in force once it was said again, if its process lived', () => {
    expect(inForce(told(2_000, 1))).toBe(4_000);
    expect(inForce(told(2_000, 1), [['a', 9_000]])).toBe(4_000);
    expect(inForce(told(2_000, 1), [['a', 3_000]])).toBe(Number.POSITIVE_INFINITY);
  });

  it('and before and after as always', () => {
    expect(inForce(told(900, 1))).toBeUndefined();
    expect(inForce(told(4_001, 1))).toBeUndefined();
    expect(inForce(told(900, 1, { inForce: 2_000 }))).toBe(4_000);
  });
});

describe('two factories of one key at one time', () => {
  const pairs = (loads: Load[], invalidations: Invalidation[] = [], excuses: { from: number; until: number }[] = []) =>
    doubled({ loads, invalidations }, 1_000, excuses).length;
  const both = [load('a', 5_000, 5_030), load('b', 5_010, 5_040)];

  it('are found', () => {
    expect(pairs(both)).toBe(1);
    expect(pairs(both, [told(4_000, 1), told(6_000, 1), told(5_005, 1, { floors: [['other', 1]] })])).toBe(1);
  });

  it('unless there was a reason, or they are none', () => {
    expect(pairs([load('a', 5_000, 5_030), load('b', 5_031, 5_040)])).toBe(0);
    expect(pairs([load('a', 5_000, 5_030), load('b', 5_010, 5_040, { key: 'other' })])).toBe(0);
    expect(pairs([load('a', 5_000, 5_030), load('b', 5_010, 5_040, { excused: true })])).toBe(0);
    expect(pairs(both, [told(5_005, 1)])).toBe(0);
    expect(pairs(both, [told(5_005, 1, { broad: true, floors: [] })])).toBe(0);
    expect(pairs(both, [], [{ from: 4_900, until: 5_005 }])).toBe(0);
  });
});

describe('how long a call takes', () => {
  const promises = { maxStaleness: 500, outageTtl: 2_000, budget: 300, leaseMs: 1_000 };
  const broken = (operation: string, took: number, more: { factory?: number; lost?: number } = {}) => {
    const slow = [{ process: 'a', operation, began: 0, took, factory: 0, lost: 0, ...more }];
    return judgeRound({ ...emptyHistory(), slow }, promises, { losses: [], leasesLost: [], deaths: new Map() }).broken.length;
  };

  it('is its budget, its factory and what the process lost', () => {
    expect(broken('get', 440)).toBe(0);
    expect(broken('get', 1_440, { factory: 400, lost: 600 })).toBe(0);
    expect(broken('get', 470)).toBe(1);
    expect(broken('delete', 1_470, { lost: 900 })).toBe(1);
  });

  it('and what others take whose factory it waits for', () => {
    expect(broken('getOrSet', 2_400)).toBe(0);
    expect(broken('getOrSet', 2_600)).toBe(1);
  });
});
