import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleave, type Trouble } from '../support/interleaving.js';
import {
  type CommandName,
  failOvers,
  mishaps,
  type Program,
  programsOf,
  reads,
  soft,
  tagged,
  writes,
} from '../support/interleaving-programs.js';
import type { JournalMechanisms } from '../support/journal-mechanisms.js';
import { partsOf } from '../support/schedules.js';

const programs = programsOf({
  names: [
    [4, [...reads, ...tagged]],
    [4, [...writes, ...soft]],
    [1, mishaps],
    [1, failOvers],
  ],
});

/** Every fourth request or answer is lost, for a while. */
const often = fc.record<Trouble>({
  faults: fc.array(
    fc.nat(3).map((die) => die === 0),
    { maxLength: 40, size: 'max' },
  ),
});

/** The `nth` request or answer of this kind is lost, and no other. */
function once(operation: string, nth: number): fc.Arbitrary<Trouble> {
  return fc.constant({ failing: [operation], faults: Array.from({ length: nth }, (_, index) => index === nth - 1) });
}

function property(of: fc.Arbitrary<Program[]>, mechanisms: JournalMechanisms = {}, trouble: fc.Arbitrary<Trouble> = often) {
  return fc.asyncProperty(fc.scheduler(), of, trouble, async (scheduler, callers, given) => {
    await interleave(scheduler, callers, given, { bus: 'on', outages: 'on', ...mechanisms });
  });
}

const few = (...names: (readonly [number, readonly CommandName[]])[]) =>
  programsOf({ names, targets: ['a'], processes: [0, 2], callers: 4, length: 5 });

function caller(process: Program['process'], ...names: CommandName[]): Program {
  return { process, commands: names.map((name) => [name, 'a', 't']) };
}

/** What is taken away, and programs under which a search soon shows it. */
const without: readonly (readonly [JournalMechanisms, fc.Arbitrary<Program[]>, fc.Arbitrary<Trouble>])[] = [
  [{ journal: 'off' }, programs, often],
  [{ held: 'asked' }, fc.constant([caller(2, 'set'), caller(0, 'delete', 'get')]), once('remove', 1)],
  [{ held: 'asked for leases' }, fc.constant([caller(2, 'set'), caller(0, 'delete', 'getOrSet')]), once('remove', 1)],
  [{ replay: 'value' }, few([3, ['set']], [1, ['get', 'delete']]), often],
  [{ replay: 'none' }, few([3, ['set']], [1, ['get']]), often],
  [{ generations: 'off' }, fc.constant([caller(0, 'delete'), caller(2, 'set'), caller(0, 'delete')]), once('remove', 2)],
  [{ recall: 'off' }, few([2, ['set', 'get']], [1, ['delete', 'clear']], [1, failOvers]), often],
];

describe('random interleavings of three processes, lost requests, lost answers, time-outs and fail-overs', {
  timeout: 180_000,
}, () => {
  it.each(partsOf('three processes, outages and fail-over'))(
    'nobody sees again what it took back, and nobody at all does when L2 was told and time has passed ($from to $to)',
    (part) => part.check(property(programs)),
  );

  it.each(without)('the search finds a schedule that breaks it with %j', async (mechanisms, of, trouble) => {
    const found = await fc.check(property(of, mechanisms, trouble), { numRuns: 3_000, endOnFailure: true });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toMatch(/was executed at \d+ and acknowledged/);
  });
});
