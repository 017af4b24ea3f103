import { describe, expect, it } from 'vitest';
import { shown } from '../support/soak/report.js';
import { soak } from '../support/soak/soak.js';

/** `npm run soak` for long ones; `SOAK_SEED` for the same programs and faults. */
const seconds = Number(process.env.SOAK_SECONDS ?? 30);
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);

const standalone = { seed, topology: 'standalone', driver: 'ioredis', bus: 'pub-sub' } as const;

describe('four processes for a while, and a fault every other second', () => {
  it('keep every promise', { timeout: 200_000 + seconds * 2_000 }, async () => {
    const report = await soak({ ...standalone, seconds });
    console.log(shown(report));
    expect(report.broken).toEqual([]);
    expect(report.reads).toBeGreaterThan(1_000);
    expect(report.invalidations).toBeGreaterThan(50);
    expect(report.recoveries.length).toBeGreaterThan(2);
  });

  it.each([
    ['bus', []],
    ['journal', ['a process is refused', 'all processes are refused']],
  ] as const)('are seen to break some without the %s', { timeout: 200_000 }, async (without, faults) => {
    // A slow machine may do little in one.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const { broken } = await soak({ ...standalone, seed: seed + attempt, seconds: 9, without, faults });
      if (broken.some((what) => /^(stale|tags|its own word).* was told that .* is done/.test(what))) return;
    }
    expect.fail(`nobody saw that the ${without} is missing`);
  });
});
