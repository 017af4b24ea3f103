import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleave, type Mechanisms, type Trouble } from '../support/interleaving.js';
import {
  conditional,
  evictions,
  type Program,
  programsOf,
  reads,
  soft,
  tagged,
  writes,
} from '../support/interleaving-programs.js';
import { partsOf } from '../support/schedules.js';

const two = { processes: [0, 1], callers: 4, length: 3 } as const;
const ofKeys = programsOf({ ...two, names: [[1, [...reads, ...writes]]], targets: ['a', 'b'] });
const ofAll = programsOf({
  ...two,
  names: [
    [3, [...reads, ...tagged]],
    [2, [...writes, ...soft, ...conditional]],
    [1, evictions],
  ],
});
const reading = programsOf({ ...two, names: [[1, reads]], targets: ['a', 'b'] });

const faults = fc.array(
  fc.nat(5).map((die) => die === 0),
  { maxLength: 12 },
);
const stretches = fc.array(fc.constantFrom(3, 600, 1_100, 4_000, 9_000), { maxLength: 6 });
const noTrouble = fc.constant<Trouble>({});

function staysTrue(programs: fc.Arbitrary<Program[]>, trouble: fc.Arbitrary<Trouble> = noTrouble, mechanisms?: Mechanisms) {
  return fc.asyncProperty(fc.scheduler(), programs, trouble, async (scheduler, callers, given) => {
    await interleave(scheduler, callers, given, mechanisms);
  });
}

describe('random interleavings of two processes', { timeout: 180_000 }, () => {
  it.each(partsOf('two processes, keys alone'))('nobody reads what was acknowledged as gone ($from to $to)', (part) =>
    part.check(staysTrue(ofKeys)),
  );

  it.each(partsOf('two processes, tags, namespaces and what looks first'))(
    'nor by tag, by namespace or softly, whatever versions are evicted ($from to $to)',
    (part) => part.check(staysTrue(ofAll)),
  );

  it.each(partsOf('two processes, L2 fails now and then'))('nor when L2 fails now and then ($from to $to)', (part) =>
    part.check(staysTrue(fc.oneof(ofKeys, ofAll), fc.record({ faults }))),
  );

  it.each(partsOf('two processes, time-outs pass, leases end, factories are given up'))(
    'nor when time-outs pass, leases end and factories are given up ($from to $to)',
    (part) => part.check(staysTrue(fc.oneof(ofKeys, ofAll), fc.record({ faults, stretches }))),
  );

  it.each(partsOf('two processes, one factory'))(
    'of all callers of a cold key in both processes one runs its factory (G3) ($from to $to)',
    (part) => {
      const once = fc.asyncProperty(fc.scheduler(), reading, async (scheduler, programs) => {
        for (const [key, runs] of await interleave(scheduler, programs)) expect(runs, key).toBe(1);
      });
      return part.check(once);
    },
  );

  it.each<Mechanisms>([{ fence: 'off' }, { lease: 'off' }])('the search finds what breaks it with %j', async (mechanisms) => {
    const found = await fc.check(staysTrue(ofKeys, noTrouble, mechanisms), { numRuns: 3_000, endOnFailure: true });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toMatch(/was executed at \d+ and acknowledged/);
  });
});
