import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runSourceProgram, type SourceProgram } from '../support/source-schedules.js';

const call = fc.record({
  process: fc.constantFrom(0 as const, 1 as const, 2 as const),
  call: fc.constantFrom('set' as const, 'set' as const, 'get' as const, 'delete' as const, 'forget' as const),
});
const programs = (losses: number): fc.Arbitrary<SourceProgram> =>
  fc.record({
    calls: fc.array(call, { minLength: 2, maxLength: 7 }),
    picks: fc.array(fc.nat(1_000), { minLength: 20, maxLength: 80 }),
    losses: fc.array(fc.nat(80), { maxLength: losses }),
  });

describe.each(['through', 'behind'] as const)('write-%s: at rest L2 has what the source has, or nothing', (write) => {
  it.each([
    ['in any order', 0],
    ['with requests and answers lost', 4],
  ])(
    '%s',
    async (_, losses) => {
      const holds = fc.asyncProperty(programs(losses), async (program) => {
        const { source, cached, left } = await runSourceProgram(program, write);
        expect(left).toBe(0);
        expect([source, undefined]).toContain(cached);
      });
      await fc.assert(holds, { numRuns: 400 });
    },
    60_000,
  );

  it('but not if a lease that is gone could still be filled', async () => {
    const holds = fc.asyncProperty(programs(0), async (program) => {
      const { source, cached } = await runSourceProgram(program, write, 'off');
      return cached === undefined || cached === source;
    });
    const found = await fc.check(holds, { numRuns: 3_000, seed: 7, endOnFailure: true });
    expect(found.failed).toBe(true);
  }, 60_000);
});
