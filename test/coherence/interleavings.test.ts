import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleave, type Mechanisms } from '../support/interleaving.js';
import {
  conditional,
  evictions,
  mishaps,
  type Program,
  programsOf,
  reads,
  soft,
  tagged,
  writes,
} from '../support/interleaving-programs.js';
import { partsOf } from '../support/schedules.js';

const programs = programsOf({
  names: [
    [4, [...reads, ...tagged]],
    [3, [...writes, ...soft, ...conditional]],
    [3, mishaps],
    [1, evictions],
  ],
});
const ofKeys = programsOf({
  names: [
    [3, [...reads, ...writes]],
    [2, reads],
    [3, mishaps],
  ],
  targets: ['a', 'b'],
});
const faults = fc.array(
  fc.nat(3).map((die) => die === 0),
  { maxLength: 12 },
);

function property(of: fc.Arbitrary<Program[]>, mechanisms: Mechanisms = {}, failing = fc.constant<boolean[]>([])) {
  return fc.asyncProperty(fc.scheduler(), of, failing, async (scheduler, callers, given) => {
    await interleave(scheduler, callers, { faults: given }, { bus: 'on', ...mechanisms });
  });
}

describe('random interleavings of three processes and their bus', { timeout: 180_000 }, () => {
  it.each(partsOf('three processes and their bus'))(
    'nobody reads what was acknowledged as gone maxStaleness ago ($from to $to)',
    (part) => part.check(property(programs)),
  );

  it.each(partsOf('three processes, and what becomes of leases and fills is not told'))(
    'nor when leases cannot be had and fills are not answered ($from to $to)',
    (part) => part.check(property(fc.oneof(ofKeys, programs), {}, faults)),
  );

  it.each<Mechanisms>([{ fence: 'off' }, { trust: 'off' }, { message: 'none' }])(
    'the search finds a schedule that breaks it with %j',
    async (mechanisms) => {
      const found = await fc.check(property(ofKeys, mechanisms), { numRuns: 3_000, endOnFailure: true });
      expect(found.failed).toBe(true);
      expect(String(found.errorInstance)).toMatch(/was executed at \d+ and acknowledged/);
    },
  );
});
