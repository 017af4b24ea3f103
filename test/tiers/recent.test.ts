import { describe, expect, it } from 'vitest';
import { tagLabel } from '../../src/entries/labels.js';
import { type Intent, removed, removedAll, softened } from '../../src/tiers/intent.js';
import { Recent } from '../../src/tiers/recent.js';

const window = 60_000;
const key = (name: string, to = removed): Intent => ({ kind: 'key', key: name, to });

function recentOf(maxNames = 1_000) {
  const recent = new Recent(window, maxNames);
  let order = 0;
  return {
    recent,
    /** One after the other, or `asked` before the one that was heard of at that place. */
    add(intent: Intent, now: number, asked = order): number {
      order += 1;
      recent.add(intent, now, asked, order);
      return order;
    },
    words(now: number): Record<string, string> | 'too many' {
      const all = recent.all(now);
      return all === 'too many' ? all : Object.fromEntries(Array.from(all.words, ([name, { to }]) => [name, to]));
    },
  };
}

describe('what was acknowledged', () => {
  it('is kept for the window at least, and a quarter of it more at most', () => {
    for (const noise of [0, 1_000, 14_999]) {
      const { add, words } = recentOf();
      add(key('before'), 0);
      add(key('k'), noise);
      expect(Object.keys(words(noise + window - 1))).toContain('k');
      expect(words(noise + window * 1.25)).toEqual({});
    }
  });

  it.each([
    [removed, 's1', 's1'],
    ['s1', removed, removed],
    ['s1', 's2', 's2'],
    ['s1', softened, removed],
    [removed, softened, removed],
    [softened, softened, softened],
    [softened, 's1', 's1'],
  ])('%j and then %j of a key is %j, within a quarter of the window and across', (first, second, left) => {
    for (const later of [1, 20_000, 45_000]) {
      const { add, words } = recentOf();
      add(key('k', first), 0);
      add(key('k', second), later);
      expect(words(later)).toEqual({ k: left });
    }
  });

  it('of two that were under way at once neither is the last', () => {
    for (const later of [1, 20_000]) {
      const { add, words } = recentOf();
      add(key('k'), 0, 0);
      add(key('k', 's1'), later, 0);
      expect(words(later)).toEqual({ k: removed });
    }
  });

  it('has tags and patterns, the harder of two words on a tag in the end', () => {
    const { add, recent } = recentOf();
    add({ kind: 'labels', labels: [tagLabel('t')], soft: false }, 0);
    add({ kind: 'labels', labels: [tagLabel('t')], soft: true }, 1);
    add({ kind: 'pattern', prefix: 'n:', glob: '*' }, 2);
    const all = recent.all(3);
    expect(all === 'too many' ? [] : all.others).toEqual([
      { kind: 'pattern', prefix: 'n:', glob: '*' },
      { kind: 'labels', labels: [tagLabel('t')], soft: false },
    ]);
  });
});

describe('too much of it', () => {
  const many = (count: number) => removedAll(Array.from({ length: count }, (_, index) => `k${index}`));

  it('is all, until it is longer ago than the window', () => {
    const { add, words } = recentOf(100);
    add(many(26), 0);
    add(key('k'), 1);
    expect(words(2)).toBe('too many');
    add(key('j'), 70_000);
    expect(words(window * 1.25)).toEqual({ j: removed });
  });

  it('is not what each quarter of the window can hold', () => {
    const { add, words } = recentOf(100);
    for (let quarter = 0; quarter < 4; quarter += 1) add(many(25), quarter * 15_000);
    expect(Object.keys(words(50_000))).toHaveLength(25);
  });

  it('is an invalidation of everything', () => {
    const { add, words } = recentOf();
    add({ kind: 'everything' }, 0);
    expect(words(1)).toBe('too many');
  });
});

it('ten thousands of keys that are set over and over again take their place once', () => {
  const { add, words } = recentOf(100_000);
  for (let round = 0; round < 5; round += 1) for (let index = 0; index < 20_000; index += 1) add(key(`k${index}`), round);
  expect(Object.keys(words(10))).toHaveLength(20_000);
});
