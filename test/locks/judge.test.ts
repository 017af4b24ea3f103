import { describe, expect, it } from 'vitest';
import { type Attempt, attemptsIn } from '../support/locks/attempt.js';
import { type JudgeOptions, judge } from '../support/locks/judge.js';

let count = 0;

/** Held from `acquired` to `ended`, and given back. */
function hold(acquired: number, ended: number, fence: number, more: Partial<Attempt> = {}): Attempt {
  count += 1;
  const id = String(count);
  return {
    id,
    process: 'a',
    resource: 'r',
    asked: acquired - 1,
    acquired,
    fence,
    held: ended,
    ended,
    how: 'released',
    lag: 0,
    ...more,
  };
}

/** Stands in line from `queued` to `ended` and goes without the lock. */
function wait(queued: number, ended: number, more: Partial<Attempt> = {}): Attempt {
  count += 1;
  return { id: String(count), process: 'w', resource: 'r', asked: queued - 1, queued, ended, how: 'gave up', lag: 0, ...more };
}

function broken(attempts: readonly Attempt[], options: Partial<JudgeOptions> = {}) {
  const { overlaps, fences, overtaken, idle } = judge(attempts, { patience: 1_000, ...options });
  const ids = ({ first, second }: { first: Attempt; second: Attempt }) => `${first.id} ${second.id}`;
  return {
    overlaps: overlaps.map(ids),
    fences: fences.map(ids),
    overtaken: overtaken.map(ids),
    idle: idle.map(({ waiter, from, ms }) => `${waiter.id} from ${from}: ${ms}`),
  };
}

const nothing = { overlaps: [], fences: [], overtaken: [], idle: [] };
const [one, two, three] = [{ id: 'one' }, { id: 'two' }, { id: 'three' }];

describe('what the judge lets pass', () => {
  it.each<[string, Attempt[], Partial<JudgeOptions>?]>([
    ['nobody', []],
    ['one after the other', [hold(10, 20, 1), hold(21, 30, 2), hold(30.1, 40, 3)]],
    ['told in another order', [hold(21, 30, 2), hold(10, 20, 1)]],
    ['two resources at one time', [hold(10, 20, 5), hold(15, 25, 1, { resource: 'other' })]],
    ['lost before the next one, and noticed later', [hold(10, 60, 1, { held: 15, how: 'lost' }), hold(20, 30, 2)]],
    ['acquired and never seen to be held', [hold(10, 60, 1, { held: undefined as never, how: 'lost' }), hold(20, 30, 2)]],
    ['it was killed', [{ id: 'x', process: 'a', resource: 'r', asked: 1, acquired: 2, fence: 1, held: 9 }, hold(900, 910, 2)]],
    ['in the order in which they asked', [hold(10, 20, 1), hold(21, 30, 2, { asked: 11, queued: 12 }), hold(31, 40, 3, { asked: 13, queued: 14 })]], // biome-ignore format: one case, one line
    [
      'asked before the other was answered',
      [hold(21, 30, 1, { asked: 13, queued: 15 }), hold(31, 40, 2, { asked: 11, queued: 14 })],
    ],
    ['overtook one that went without', [wait(5, 50), hold(21, 30, 1, { asked: 13 })]],
    [
      'overtook one whose process did not run',
      [hold(21, 30, 1, { asked: 13 }), hold(31, 40, 2, { asked: 2, queued: 3, lag: 900 })],
    ],
    ['a short wait for a free lock', [hold(10, 20, 1), hold(1_000, 1_010, 2, { asked: 11, queued: 12 })]],
    ['free for long, and nobody waited', [hold(10, 20, 1), hold(9_000, 9_010, 2)]],
    [
      'free for long, and whoever waited was killed',
      [hold(10, 20, 1), { id: 'x', process: 'w', resource: 'r', asked: 5, queued: 6 }],
    ],
    ['free for long, and whoever waited did not run', [hold(10, 20, 1), hold(9_000, 9_010, 2, { queued: 12, lag: 8_500 })]],
    [
      'free for long, and Redis was away',
      [hold(10, 20, 1), hold(9_000, 9_010, 2, { queued: 12 })],
      { away: [{ from: 15, to: 8_500 }] },
    ],
  ])('%s', (_name, attempts, options) => {
    expect(broken(attempts, options)).toEqual(nothing);
  });
});

describe('what the judge finds', () => {
  it.each<[string, Attempt[], Partial<typeof nothing> | Record<string, string[]>]>([
    ['two at one time', [hold(10, 20, 1, one), hold(19, 30, 2, two)], { overlaps: ['one two'] }],
    ['for a moment', [hold(10, 20, 1, one), hold(20, 30, 2, two)], { overlaps: ['one two'] }],
    ['one inside the other', [hold(10, 50, 1, one), hold(20, 30, 2, two)], { overlaps: ['one two'] }],
    [
      'with one long before',
      [hold(10, 50, 1, one), hold(20, 30, 2, two), hold(40, 45, 3, three)],
      { overlaps: ['one two', 'one three'] },
    ],
    ['with one that was killed', [{ id: 'one', process: 'a', resource: 'r', asked: 1, acquired: 2, fence: 1, held: 22 }, hold(20, 30, 2, two)], { overlaps: ['one two'] }], // biome-ignore format: one case, one line
    ['the same fence', [hold(10, 20, 7, one), hold(21, 30, 7, two)], { fences: ['one two'] }],
    ['a lower fence', [hold(10, 20, 7, one), hold(21, 30, 6, two), hold(31, 40, 8)], { fences: ['one two'] }],
    [
      'fences that began anew',
      [hold(10, 20, 7, one), hold(21, 30, 1, two), hold(31, 40, 2, three)],
      { fences: ['one two', 'one three'] },
    ],
    ['one that came before its turn', [hold(21, 30, 1, { ...one, asked: 13 }), hold(31, 40, 2, { ...two, asked: 11, queued: 12 })], { overtaken: ['one two'] }], // biome-ignore format: one case, one line
    ['two of them', [hold(21, 30, 1, { ...one, asked: 13 }), hold(31, 40, 2, { ...two, asked: 14 }), hold(41, 50, 3, { ...three, asked: 11, queued: 12 })], { overtaken: ['two three', 'one three'] }], // biome-ignore format: one case, one line
    ['a lock that lay idle though somebody waited', [hold(10, 20, 1), hold(2_000, 2_010, 2, { ...two, asked: 11, queued: 12 })], { idle: ['two from 20: 1980'] }], // biome-ignore format: one case, one line
    ['and was never handed over', [hold(10, 20, 1), wait(12, 5_000, one)], { idle: ['one from 20: 4980'] }],
    ['from when it began to wait', [hold(10, 20, 1), wait(1_000, 5_000, one)], { idle: ['one from 1000: 4000'] }],
    ['after a holder that was killed', [{ id: 'x', process: 'a', resource: 'r', asked: 1, acquired: 2, fence: 1, held: 9 }, wait(5, 5_000, one)], { idle: ['one from 9: 4991'] }], // biome-ignore format: one case, one line
  ])('%s', (_name, attempts, found) => {
    expect(broken(attempts)).toEqual({ ...nothing, ...found });
  });

  it('for how long', () => {
    expect(judge([hold(10, 50, 1), hold(20, 30, 2)], { patience: 1 }).overlaps).toMatchObject([{ ms: 10 }]);
    expect(judge([hold(10, 50, 1), hold(20, 60, 2)], { patience: 1 }).overlaps).toMatchObject([{ ms: 30 }]);
  });

  it('an old fence where data were lost, unless its process may have had it before', () => {
    const late = (lag: number) => [hold(10, 20, 7, one), hold(30, 40, 6, { ...two, lag })];
    expect(broken(late(19), { lossy: true })).toEqual({ ...nothing, fences: ['one two'] });
    expect(broken(late(21), { lossy: true })).toEqual(nothing);
    expect(broken(late(21))).toEqual({ ...nothing, fences: ['one two'] });
  });

  it('one among 50,000 without comparing each with each', () => {
    const many = Array.from({ length: 50_000 }, (_, at) =>
      hold(at * 10, at * 10 + 9, at, { asked: at * 10 - 50, queued: at * 10 - 40 }),
    );
    expect(broken(many)).toEqual(nothing);
    const wrong = hold(300_009.5, 300_015, 20, { ...one, asked: 300_000 });
    expect(broken([...many, wrong])).toMatchObject({ overlaps: [expect.stringContaining('one')], fences: [expect.stringMatching(/ one$/)], overtaken: [expect.stringMatching(/^one /)] }); // biome-ignore format: one line
  });
});

it('notes of one attempt are put together, and what a killed process wrote half is left out', () => {
  const notes = [
    { id: 'a:1', process: 'a', resource: 'r', asked: 1 },
    { id: 'a:2', process: 'a', resource: 'r', asked: 2 },
    { id: 'a:1', acquired: 3, fence: 9 },
    { id: 'a:1', held: 4 },
    { id: 'a:1', held: 5 },
  ];
  const text = `${notes.map((note) => JSON.stringify(note)).join('\n')}\n{"id":"a:1","hel`;
  expect(attemptsIn(text)).toEqual([
    { id: 'a:1', process: 'a', resource: 'r', asked: 1, acquired: 3, fence: 9, held: 5 },
    { id: 'a:2', process: 'a', resource: 'r', asked: 2 },
  ]);
});
