import type { BusOptions } from 'tierkeep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FaultName } from '../support/histories/faults.js';
import { judge, overloaded, shownViolation, type Verdict } from '../support/histories/process-history.js';
import { type Run, type RunSettings, startTeam, type Team } from '../support/histories/run.js';

/** `HISTORY_SECONDS=600 npx vitest run test/coherence/histories.test.ts` for a long one; `HISTORY_SEED` for the same programs and faults. */
const seconds = Number(process.env.HISTORY_SECONDS ?? 6);
const seed = Number(process.env.HISTORY_SEED ?? Date.now() % 1_000_000);
const maxStaleness = 500;

const everything: FaultName[] = [
  'all subscribers are killed',
  'a subscriber hears nothing and is not told',
  'a process is cut off and not told',
  'all connections of a process are cut',
  'a connection for commands is killed',
  'the network of a process is slow',
  'a process dies in the middle of a load',
];

let team: Team;
beforeAll(async () => {
  team = await startTeam(4);
});
afterAll(() => team?.close());

const shown = ({ violations }: Verdict) => violations.slice(0, 5).map(shownViolation);

function report(what: string, { history, faults, trustLost }: Run, verdict: Verdict, judgedIn: number): void {
  const { violations, ...counts } = verdict;
  const summary = { ...counts, violations: violations.length, factories: history.loads.length, trustLost, faults, judgedIn };
  console.log(
    `${what}, seed ${seed}: ${JSON.stringify(summary, (_, value) => (typeof value === 'number' ? Math.round(value) : value))}`,
  );
}

async function judged(what: string, settings: Omit<RunSettings, 'bound'>) {
  const run = await team.run({ ...settings, bound: maxStaleness });
  const from = performance.now();
  const verdict = judge(run.history, maxStaleness);
  report(what, run, verdict, performance.now() - from);
  return { run, verdict };
}

describe('four processes, what each of them was told and what each of them read', () => {
  it.each<[NonNullable<BusOptions['mode']>, number]>([
    ['pub-sub', seconds],
    ['tracking', seconds / 2],
  ])(
    'under faults nothing is read later than maxStaleness after it was invalidated: %s',
    { timeout: 120_000 + seconds * 2_000 },
    async (mode, lasting) => {
      const settings = { seed, seconds: lasting, bus: { mode, maxStaleness }, faults: everything };
      const { run, verdict } = await judged(mode, settings);
      expect(shown(verdict)).toEqual([]);
      expect(run.atRest.read).toEqual(Array.from({ length: team.size }, () => run.atRest.newest));
      const leasesLost = Object.values(run.faults).reduce((sum, count) => sum + count, 0);
      expect(overloaded(run.history, { processes: team.size, leasesLost })).toEqual([]);
      expect(verdict.reads).toBeGreaterThan(300);
      expect(verdict.invalidations).toBeGreaterThan(30);
      expect(run.trustLost).toBeGreaterThan(0);
    },
  );

  it('without a bus the same check finds what is wrong', { timeout: 120_000 }, async () => {
    expect(await found('no bus', { bus: false, faults: [] })).toBe(true);
  });

  it('with trust that lasts too long it finds what half-open subscribers miss', { timeout: 120_000 }, async () => {
    const faults: FaultName[] = ['a subscriber hears nothing and is not told'];
    expect(await found('ten minutes of trust', { bus: { maxStaleness: '10m' }, faults })).toBe(true);
  });
});

/** In a few short runs at most: a slow machine may do little in one. */
async function found(what: string, settings: Pick<RunSettings, 'bus' | 'faults'>): Promise<boolean> {
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const { verdict } = await judged(what, { ...settings, seed: seed + attempt, seconds: 1.5 });
    if (verdict.violations.length > 0) return true;
  }
  return false;
}
