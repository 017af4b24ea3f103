import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { busRaces } from '../support/bus-races.js';
import { journalRaces } from '../support/journal-races.js';
import { labelRaces } from '../support/label-races.js';
import { steps } from '../support/protocol-steps.js';
import { races } from '../support/races.js';
import { usual } from '../support/schedules.js';

/** Each of them is run with and without what wins it. */
const all = [...races, ...busRaces, ...labelRaces, ...journalRaces];
const raced = new Set(all.map(({ name }) => name));

const source = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('each step of the protocol has a test that fails without it', () => {
  it.each(steps)('$step', ({ races: named = [], tests = [] }) => {
    expect(named.length + tests.length).toBeGreaterThan(0);
    for (const race of named) expect(raced, race).toContain(race);
    for (const [file, title] of tests) expect(source(`test/${file}`), file).toContain(title);
  });

  it('no race and no step has the name of another', () => {
    expect(raced.size).toBe(all.length);
    expect(new Set(steps.map(({ step }) => step)).size).toBe(steps.length);
  });
});

it('at least 20,000 schedules are looked at in each run', () => {
  expect(Object.values(usual).reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(20_000);
});
