import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, commands, interleave, type Mechanisms, type Program } from '../support/interleaving.js';

const schedules = 3_000;

const command: fc.Arbitrary<Command> = fc.tuple(fc.constantFrom(...commands), fc.constantFrom('a', 'b'));
const program: fc.Arbitrary<Program> = fc.record({
  process: fc.constantFrom(0, 1),
  commands: fc.array(command, { minLength: 1, maxLength: 3 }),
});
const programs = fc.array(program, { minLength: 2, maxLength: 4 });
const noFaults = fc.constant<boolean[]>([]);
const someFaults = fc.array(
  fc.nat(5).map((die) => die === 0),
  { maxLength: 12 },
);

function property(faults: fc.Arbitrary<boolean[]>, mechanisms?: Mechanisms) {
  return fc.asyncProperty(fc.scheduler(), programs, faults, (scheduler, callers, failing) =>
    interleave(scheduler, callers, failing, mechanisms),
  );
}

/** A failure prints its seed and path; give them here to see it again. */
const replay: fc.Parameters<unknown> = {};

describe('random interleavings of two processes', () => {
  it(`nobody reads what was acknowledged as gone (${schedules} schedules)`, { timeout: 120_000 }, async () => {
    await fc.assert(property(noFaults), { numRuns: schedules, ...replay });
  });

  it('nor when L2 fails now and then', { timeout: 120_000 }, async () => {
    await fc.assert(property(someFaults), { numRuns: schedules, ...replay });
  });

  it.each<Mechanisms>([{ fence: 'off' }, { lease: 'off' }])(
    'the search finds a schedule that breaks it with %j',
    { timeout: 120_000 },
    async (mechanisms) => {
      const found = await fc.check(property(noFaults, mechanisms), { numRuns: schedules, endOnFailure: true });
      expect(found.failed).toBe(true);
      expect(String(found.errorInstance)).toMatch(/was executed at \d+ and acknowledged/);
    },
  );
});
