import { expect, it } from 'vitest';
import { spaceLabel, tagLabel } from '../../src/entries/labels.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { type Intent, removed, softened } from '../../src/tiers/intent.js';
import { Journal } from '../../src/tiers/journal.js';

/** Another server answers; what was acknowledged and what was not is told in this order. */
function afterRecall(...words: readonly (readonly ['acknowledged' | 'noted', Intent])[]): Intent[] {
  const clock = fakeClock();
  const told = { noted() {}, overflowed() {} };
  const journal = new Journal({ maxNames: 100, window: 60_000 }, clock, told);
  for (const [what, intent] of words) {
    // So that they are in different buckets of what is remembered.
    clock.advance(16_000);
    if (what === 'noted') journal.note(intent);
    else journal.acknowledged(intent, journal.generation);
  }
  journal.recall();
  return journal.intents();
}

const key = (to: string): Intent => ({ kind: 'key', key: 'k', to });
const keys = (to: string): Intent => ({ kind: 'keys', keys: new Map([['k', to]]) });

it.each([
  [
    'deleted unheard after it was set',
    [
      ['acknowledged', key('s1')],
      ['noted', key(removed)],
    ],
    keys(removed),
  ],
  [
    'set unheard after it was set',
    [
      ['acknowledged', key('s1')],
      ['noted', key('s2')],
    ],
    keys('s2'),
  ],
  [
    'set after it was deleted unheard',
    [
      ['noted', key(removed)],
      ['acknowledged', key('s2')],
    ],
    keys('s2'),
  ],
  [
    'set twice, both heard',
    [
      ['acknowledged', key('s1')],
      ['acknowledged', key('s2')],
    ],
    keys('s2'),
  ],
  [
    'deleted after it was set, both heard',
    [
      ['acknowledged', key('s1')],
      ['acknowledged', key(removed)],
    ],
    keys(removed),
  ],
  [
    'made stale unheard after it was set',
    [
      ['acknowledged', key('s1')],
      ['noted', key(softened)],
    ],
    keys(removed),
  ],
  [
    'made stale unheard after it was made stale',
    [
      ['acknowledged', key(softened)],
      ['noted', key(softened)],
    ],
    key(softened),
  ],
] as const)('a key that was %s', (_what, words, expected) => {
  expect(afterRecall(...words)).toEqual([expected]);
});

it('a tag that was made stale unheard after it was invalidated is to be gone', () => {
  const labels = (soft: boolean): Intent => ({ kind: 'labels', labels: [tagLabel('t'), spaceLabel('n:')], soft });
  expect(afterRecall(['acknowledged', labels(false)], ['noted', labels(true)])).toEqual([labels(false)]);
});

it('a server that answers for some keys and labels only is told of those, and of patterns, which may match any', () => {
  const journal = new Journal({ maxNames: 100, window: 60_000 }, fakeClock(), { noted() {}, overflowed() {} });
  const labels = [tagLabel('moved'), tagLabel('stays')];
  const pattern: Intent = { kind: 'pattern', prefix: '', glob: 'k*' };
  const both: Intent = { kind: 'keys', keys: new Map(['moved', 'stays'].map((name) => [name, removed])) };
  for (const intent of [both, { kind: 'labels', labels, soft: false } as const, pattern]) {
    journal.acknowledged(intent, journal.generation);
  }
  journal.recall({ key: () => false, label: () => false });
  expect(journal.intents()).toEqual([pattern]);
  journal.recall({ key: (name) => name === 'moved', label: (label) => label === labels[0] });
  const moved = [
    { kind: 'labels', labels: [labels[0]], soft: false },
    pattern,
    { kind: 'keys', keys: new Map([['moved', removed]]) },
  ];
  expect(journal.intents()).toEqual(moved);
});
