import { describe, expect, it, vi } from 'vitest';
import { plot } from '../../bench/early-refresh/plot.js';
import { documented, type PolicyName, type Scenario, simulate } from '../../bench/early-refresh/scenario.js';
import { zipfTrace } from '../../bench/early-refresh/trace.js';

const short: Scenario = { ...documented, warmUp: 35_000, counted: 45_000, requestsPerSecond: 150 };

/** Whatever `Math.random` gives must not matter: two runs see it differ. */
async function twice(scenario: Scenario) {
  const chance = vi.spyOn(Math, 'random').mockReturnValue(0.1);
  try {
    const first = await simulate(scenario);
    chance.mockReturnValue(0.9);
    return { first, second: await simulate(scenario) };
  } finally {
    chance.mockRestore();
  }
}

describe.each(['memory', 'memory and L2'] as const)('the simulation over %s', (tiers) => {
  it('gives the same for the same seed, and shows what each policy costs', async () => {
    const { first, second } = await twice({ ...short, tiers });
    expect(second).toEqual(first);

    const sums = (name: PolicyName) => {
      const course = first.get(name);
      if (course === undefined) throw new Error(`${name} was not simulated`);
      return { calls: course.factoryCalls.length, blocked: course.blocked.length, stale: course.stale.length };
    };
    const plain = sums('plain TTL');
    expect(plain.blocked).toBeGreaterThan(plain.calls);
    expect(plain.stale).toBe(0);

    for (const name of ['XFetch, beta 1', 'XFetch, beta 2'] as const) {
      const early = sums(name);
      expect(early.blocked).toBeLessThan(plain.blocked * 0.75);
      expect(early.calls).toBeLessThan(plain.calls * 1.15);
      expect(early.stale).toBe(0);
    }

    const swr = sums('SWR');
    expect(swr.blocked).toBeLessThan(plain.blocked * 0.1);
    expect(swr.stale).toBeGreaterThan(swr.calls);
    expect(sums('SWR and XFetch, beta 1').blocked).toBeLessThan(plain.blocked * 0.1);
    expect(sums('SWR and XFetch, beta 1').stale).toBeLessThan(swr.stale * 0.7);
  });
});

describe('its trace', () => {
  const options = { seed: 7, length: 100_000, requestsPerSecond: 200, keys: 10, exponent: 1, processes: 4 };
  const trace = zipfTrace(options);

  it('is another one for another seed', () => {
    expect(zipfTrace(options)).toEqual(trace);
    expect(zipfTrace({ ...options, seed: 8 })).not.toEqual(trace);
  });

  it('asks at the rate and for the keys that it was told to', () => {
    const of = (key: string) => trace.filter((request) => request.key === key).length;
    expect(trace.length / 20_000).toBeCloseTo(1, 1);
    expect(of('key:1') / of('key:2')).toBeCloseTo(2, 0);
    expect(of('key:1') / of('key:10')).toBeGreaterThan(7);
    expect(new Set(trace.map(({ process }) => process)).size).toBe(4);
  });
});

describe('its plot', () => {
  it('ends each line at its sum and keeps the labels apart', () => {
    const lines = ['a', 'b', 'c'].map((name) => ({ name, moments: [0, 1_500] }));
    const svg = plot([{ title: 'Calls', lines }], 3_000, { title: 'T', description: 'D' });
    expect([...svg.matchAll(/points="64,\S+ [^"]*530,(\S+)"/g)].map(([, y]) => y)).toEqual(['46', '46', '46']);
    const labels = [...svg.matchAll(/y="([\d.]+)" class="line\d"[^>]*>[abc]: 2</g)].map(([, y]) => Number(y));
    expect(labels.map((y, index) => y - (labels[index - 1] ?? y))).toEqual([0, 16, 16]);
  });
});
