import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spaceLabel, tagLabel } from '../../src/entries/labels.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { type Intent, removed, removedAll, softened } from '../../src/tiers/intent.js';
import { Journal } from '../../src/tiers/journal.js';

function journalOf({ maxNames = 100, window = 60_000 } = {}) {
  const clock = fakeClock();
  const told = { noted: 0, overflowed: 0 };
  const journal = new Journal({ maxNames, window }, clock, {
    noted: () => void told.noted++,
    overflowed: () => void told.overflowed++,
  });
  return { journal, clock, told };
}

const key = (name: string, to = removed): Intent => ({ kind: 'key', key: name, to });
const tags = (names: readonly string[], soft = false): Intent => ({ kind: 'labels', labels: names.map(tagLabel), soft });
const pattern = (prefix: string, glob: string): Intent => ({ kind: 'pattern', prefix, glob });
const whole: Intent = { kind: 'labels', labels: [spaceLabel('')], soft: false };
const keys = (to: Record<string, string>): Intent => ({ kind: 'keys', keys: new Map(Object.entries(to)) });

describe('an acknowledgement', () => {
  it('settles what was noted before its request was made, and nothing that came after', () => {
    const { journal } = journalOf();
    journal.note(key('k'));
    const asked = journal.generation;
    journal.note(key('k'));
    expect(journal.acknowledged(key('k'), asked)).toBe(false);
    expect(journal.holds('k')).toBe(true);
    expect(journal.acknowledged(key('k'), journal.generation)).toBe(true);
    expect(journal.size).toBe(0);
  });

  it.each<[string, Intent, Intent, boolean]>([
    ['a set settles a delete', key('k'), key('k', 's1'), true],
    ['a delete settles a set', key('k', 's1'), key('k'), true],
    ['to be made stale does not settle a delete', key('k'), key('k', softened), false],
    ['nor a set', key('k', 's1'), key('k', softened), false],
    ['but itself', key('k', softened), key('k', softened), true],
    ['another key settles nothing', key('k'), key('j'), false],
    ['a tag made stale does not settle one that is to be gone', tags(['t']), tags(['t'], true), false],
    ['the other way round it does', tags(['t'], true), tags(['t']), true],
    ['a clear of the whole cache settles keys', key('k'), whole, true],
    ['and tags', tags(['t']), whole, true],
    ['and patterns', pattern('', 'k*'), whole, true],
    ['a pattern settles itself', pattern('n:', 'k*'), pattern('n:', 'k*'), true],
    ['and no other', pattern('n:', 'k*'), pattern('', 'k*'), false],
  ])('%s', (_, noted, acknowledged, settles) => {
    const { journal } = journalOf();
    journal.note(noted);
    expect(journal.acknowledged(acknowledged, journal.generation)).toBe(settles);
    expect(journal.size).toBe(settles ? 0 : 1);
  });

  it('of some keys leaves the others', () => {
    const { journal } = journalOf();
    journal.note(removedAll(['a', 'b']));
    expect(journal.acknowledged(removedAll(['a']), journal.generation)).toBe(true);
    expect(['a', 'b'].map((name) => journal.holds(name))).toEqual([false, true]);
  });
});

describe('of two words on a key', () => {
  it.each([
    ['a set after a delete', [removed, 's1'], 's1'],
    ['a delete after a set', ['s1', removed], removed],
    ['made stale after a delete', [removed, softened], removed],
    ['made stale after a set', ['s1', softened], removed],
    ['a set after it was made stale', [softened, 's1'], 's1'],
    ['made stale twice', [softened, softened], softened],
  ] as const)('one after the other the later counts: %s', (_, words, left) => {
    const { journal } = journalOf();
    for (const to of words) journal.note(key('k', to));
    expect(journal.intents()).toEqual([left === softened ? key('k', softened) : keys({ k: left })]);
  });

  it.each([
    ['s1', removed],
    ['s1', 's2'],
    [removed, 's2'],
    [softened, 's2'],
  ])('that were under way at once neither does: %j, %j', (first, second) => {
    const { journal } = journalOf();
    const asked = journal.generation;
    journal.note(key('k', first), asked);
    journal.note(key('k', second), asked);
    expect(journal.intents()).toEqual([keys({ k: removed })]);
  });
});

describe('holds', () => {
  it('keys by name, by pattern and, when it holds everything, all of them', () => {
    const { journal } = journalOf({ maxNames: 3 });
    journal.note(key('a'));
    journal.note(pattern('n:', 'x*'));
    expect(['a', 'n:x1', 'n:y', 'x1'].map((name) => journal.holds(name))).toEqual([true, true, false, false]);
    expect(journal.holdsLabel(tagLabel('t'))).toBe(false);
    journal.note(tags(['t', 'u']));
    expect(journal.overflowed).toBe(true);
    expect(journal.size).toBe(1);
    expect([journal.holds('whatever'), journal.holdsLabel(tagLabel('v'))]).toEqual([true, true]);
    expect(journal.intents()).toEqual([{ kind: 'everything' }]);
  });

  it('too many patterns for each read to be matched with', () => {
    const { journal } = journalOf({ maxNames: 1_000 });
    for (let index = 0; index <= 100; index += 1) journal.note(pattern('', `a${index}*`));
    expect(journal.overflowed).toBe(true);
  });
});

describe('more than it may hold', () => {
  it('is told once, and is over when everything was invalidated after the newest of it', () => {
    const { journal, told } = journalOf({ maxNames: 2 });
    for (const name of ['a', 'b', 'c', 'd']) journal.note(key(name));
    expect(told).toEqual({ noted: 4, overflowed: 1 });
    const asked = journal.generation;
    journal.note(key('e'));
    expect(journal.acknowledged({ kind: 'everything' }, asked)).toBe(false);
    expect(journal.acknowledged(key('e'), journal.generation)).toBe(false);
    expect(journal.acknowledged({ kind: 'everything' }, journal.generation)).toBe(true);
    expect([journal.size, journal.overflowed, journal.since]).toEqual([0, false, undefined]);
  });

  it('a clear of the whole cache settles too', () => {
    const { journal } = journalOf({ maxNames: 1 });
    journal.note(removedAll(['a', 'b']));
    expect(journal.acknowledged(whole, journal.generation)).toBe(true);
    expect(journal.size).toBe(0);
  });
});

it('since is when the oldest that is left was noted', () => {
  const { journal, clock } = journalOf({ maxNames: 3 });
  const start = clock.now();
  expect(journal.since).toBeUndefined();
  journal.note(key('a'));
  clock.advance(10);
  journal.note(tags(['t']));
  clock.advance(10);
  journal.note(key('a'));
  expect(journal.since).toBe(start);
  journal.acknowledged(key('a'), journal.generation);
  expect(journal.since).toBe(start + 10);
  clock.advance(10);
  for (const name of ['b', 'c', 'd']) journal.note(key(name));
  expect([journal.overflowed, journal.since]).toEqual([true, start + 10]);
});

it('sends what settles most first, and in batches that are answered in time', () => {
  const { journal } = journalOf({ maxNames: 100_000 });
  journal.note(removedAll(Array.from({ length: 1_200 }, (_, index) => `k${index}`)));
  for (let index = 0; index < 150; index += 1) journal.note(key(`s${index}`, softened));
  journal.note(pattern('', 'x*'));
  journal.note(tags(['soft'], true));
  journal.note(tags(Array.from({ length: 700 }, (_, index) => `t${index}`)));
  const intents = journal.intents();
  const kinds = intents.map(({ kind }) => kind);
  expect(kinds.slice(0, 4)).toEqual(['labels', 'labels', 'labels', 'pattern']);
  expect(intents[2]).toEqual(tags(['soft'], true));
  // Each of these is a request of its own, so the others are removed.
  expect(kinds.filter((kind) => kind === 'key')).toHaveLength(100);
  const sizes = intents.map((intent) => (intent.kind === 'keys' ? intent.keys.size : 0));
  expect(Math.max(...sizes)).toBe(500);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(1_250);
});

describe('when another server answers', () => {
  it('everything is held if so much was acknowledged that not all of it is remembered', () => {
    const { journal, told } = journalOf({ maxNames: 8 });
    for (const name of ['a', 'b', 'c']) journal.acknowledged(key(name), journal.generation);
    expect(journal.recall()).toEqual([{ kind: 'everything' }]);
    expect([journal.overflowed, told.noted]).toEqual([true, 1]);
  });

  it('what was acknowledged longer ago than the window is not told again', () => {
    const { journal, clock } = journalOf();
    journal.acknowledged(key('old'), journal.generation);
    clock.advance(76_000);
    journal.acknowledged(key('new'), journal.generation);
    expect(journal.recall()).toEqual([keys({ new: removed })]);
    expect([journal.holds('old'), journal.holds('new')]).toEqual([false, true]);
  });

  it('what was asked of the one before and is acknowledged later is told again', () => {
    const { journal } = journalOf();
    const asked = journal.generation;
    journal.recall();
    expect(journal.acknowledged(key('k'), asked)).toBe(false);
    expect(journal.holds('k')).toBe(true);
    expect(journal.acknowledged(key('k'), journal.generation)).toBe(true);
    expect(journal.size).toBe(0);
  });

  it('nothing is held if nothing was acknowledged', () => {
    const { journal, told } = journalOf();
    expect(journal.recall()).toEqual([]);
    expect([journal.size, told.noted]).toEqual([0, 0]);
  });
});

it('tens of thousands of names are noted, looked up and settled at once', () => {
  const { journal } = journalOf({ maxNames: 100_000 });
  const names = Array.from({ length: 50_000 }, (_, index) => `key:${index}`);
  for (const name of names) journal.note(key(name));
  expect(journal.size).toBe(50_000);
  expect(names.every((name) => journal.holds(name))).toBe(true);
  expect(journal.holds('key:50000')).toBe(false);
  const asked = journal.generation;
  for (const intent of journal.intents()) journal.acknowledged(intent, asked);
  expect(journal.size).toBe(0);
});

/** A call on one key: when it was asked for, what it wanted, and whether it was acknowledged. */
interface Call {
  readonly to: string;
  readonly asked: number;
  readonly heard: number;
}

it('holds whatever no later call settled, and leaves alone only what the last of them surely set', () => {
  const step = fc.record({ call: fc.nat(3), to: fc.constantFrom(removed, softened, 'set'), acknowledged: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20, size: 'max' }), (steps) => {
      const { journal } = journalOf();
      // Up to four calls under way at once: each step ends one and begins another in its place.
      const underWay = Array.from({ length: 4 }, () => journal.generation);
      let unsettled: Call[] = [];
      for (const [index, { call, to: kind, acknowledged }] of steps.entries()) {
        const to = kind === 'set' ? `s${index}` : kind;
        const asked = underWay[call] as number;
        if (acknowledged) {
          journal.acknowledged(key('k', to), asked);
          const settles = (one: Call) => one.heard <= asked && (to !== softened || one.to === softened);
          unsettled = unsettled.filter((one) => !settles(one));
        } else {
          journal.note(key('k', to), asked);
          unsettled.push({ to, asked, heard: journal.generation });
        }
        underWay[call] = journal.generation;
        if (unsettled.length > 0) expect(journal.holds('k')).toBe(true);
        const [intent] = journal.intents();
        const left = intent?.kind === 'keys' ? intent.keys.get('k') : intent?.kind === 'key' ? softened : undefined;
        if (left === softened) expect(unsettled.every((one) => one.to === softened)).toBe(true);
        else if (left !== undefined && left !== removed && unsettled.length > 0) {
          const last = unsettled.at(-1) as Call;
          expect(left).toBe(last.to);
          expect(unsettled.slice(0, -1).every((one) => one.heard <= last.asked)).toBe(true);
        }
      }
      journal.acknowledged(key('k'), journal.generation);
      expect(journal.size).toBe(0);
    }),
    { numRuns: 2_000 },
  );
});
