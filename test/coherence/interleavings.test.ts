import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, commands, interleave, type Mechanisms, mishaps, type Program } from '../support/interleaving.js';

const schedules = 3_000;

const key = fc.constantFrom<'a' | 'b'>('a', 'b');
const ofData: fc.Arbitrary<Command> = fc.tuple(fc.constantFrom(...commands), key);
const ofTheBus: fc.Arbitrary<Command> = fc.tuple(fc.constantFrom(...mishaps, 'rest'), key);
const reads: fc.Arbitrary<Command> = fc.tuple(fc.constantFrom('get', 'getMany', 'getOrSet'), key);
const program: fc.Arbitrary<Program> = fc.record({
  process: fc.constantFrom(0, 1, 2),
  commands: fc.array(
    fc.oneof({ weight: 3, arbitrary: ofData }, { weight: 2, arbitrary: reads }, { weight: 3, arbitrary: ofTheBus }),
    {
      minLength: 1,
      maxLength: 8,
    },
  ),
});
const programs = fc.array(program, { minLength: 2, maxLength: 5 });

function property(mechanisms: Mechanisms) {
  return fc.asyncProperty(fc.scheduler(), programs, async (scheduler, callers) => {
    await interleave(scheduler, callers, {}, { bus: 'on', ...mechanisms });
  });
}

/** A failure prints its seed and path; give them here to see it again. */
const replay: fc.Parameters<unknown> = {};

describe('random interleavings of three processes and their bus', () => {
  it(`nobody reads what was acknowledged as gone maxStaleness ago (${schedules} schedules)`, { timeout: 240_000 }, async () => {
    await fc.assert(property({}), { numRuns: schedules, ...replay });
  });

  it.each<Mechanisms>([{ fence: 'off' }, { trust: 'off' }, { message: 'none' }])(
    'the search finds a schedule that breaks it with %j',
    { timeout: 240_000 },
    async (mechanisms) => {
      const found = await fc.check(property(mechanisms), { numRuns: schedules, endOnFailure: true });
      expect(found.failed).toBe(true);
      expect(String(found.errorInstance)).toMatch(/was executed at \d+ and acknowledged/);
    },
  );
});
