import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleave } from '../support/interleaving.js';
import {
  type Command,
  type CommandName,
  evictions,
  mishaps,
  type Program,
  programsOf,
  tagged,
} from '../support/interleaving-programs.js';
import type { LabelMechanisms } from '../support/label-mechanisms.js';
import { partsOf } from '../support/schedules.js';

const programs = programsOf({
  names: [
    [4, ['get', ...tagged]],
    [2, ['clear', 'getMany', 'softenTags', 'getFailing']],
    [2, mishaps],
    [1, evictions],
  ],
  targets: ['a', 'a', 'n/a'],
});

/** A load whose factory names its tags is common only here. */
const naming = programsOf({
  names: [
    [3, ['getNaming']],
    [2, ['invalidateTags']],
    [1, ['setTagged', 'get']],
  ],
  targets: ['a', 'b'],
  processes: [0, 1],
  callers: 4,
  length: 3,
});

function property(of: fc.Arbitrary<Program[]>, mechanisms: LabelMechanisms = {}) {
  return fc.asyncProperty(fc.scheduler(), of, async (scheduler, callers) => {
    await interleave(scheduler, callers, {}, { bus: 'on', ...mechanisms });
  });
}

/** One caller, always of the tag `t`: `getTagged a`. */
function caller(process: Program['process'], ...said: `${CommandName} ${'a' | 'b'}`[]): Program {
  return { process, commands: said.map((words) => [...words.split(' '), 't'] as unknown as Command) };
}

const few = (...names: (readonly [number, readonly CommandName[]])[]) =>
  programsOf({ names, targets: ['a'], processes: [0, 1], callers: 4, length: 4 });

/** What is taken away, and programs under which one schedule of about fifty shows it. */
const without: readonly (readonly [LabelMechanisms, fc.Arbitrary<Program[]>])[] = [
  [{ bump: 'unheard' }, programs],
  [{ version: 'counted' }, few([2, ['setTagged', 'get']], [1, ['invalidateTags', 'evictTag']])],
  [{ snapshot: 'after' }, few([2, ['getTagged']], [1, ['invalidateTags']])],
  [{ tagsOfCopies: 'off' }, few([2, ['setTagged', 'get']], [1, ['invalidateTags']])],
  [{ generation: 'off' }, few([2, ['set', 'get', 'getOrSet']], [1, ['clear']])],
  [{ hard: 'stale' }, few([2, ['setTagged', 'getFailing']], [1, ['invalidateTags']])],
  [{ versionTrust: 'always' }, programs],
  [{ mismatch: 'gone' }, few([2, ['setTagged', 'get']], [1, ['invalidateTags']], [1, mishaps])],
  [
    { versionFence: 'off' },
    fc.constant([caller(1, 'setTagged a', 'invalidateTags a'), caller(0, 'get a'), caller(0, 'get a')]),
  ],
  [{ joining: 'any' }, fc.constant([caller(0, 'getTagged a'), caller(0, 'invalidateTags a', 'getTagged a')])],
];

describe('random interleavings of three processes, tags and namespaces', { timeout: 180_000 }, () => {
  it.each(partsOf('three processes, tags and namespaces'))(
    'nobody reads what was invalidated by tag or cleared maxStaleness ago ($from to $to)',
    (part) => part.check(property(fc.oneof({ weight: 3, arbitrary: programs }, { weight: 1, arbitrary: naming }))),
  );

  it.each(without)('the search finds a schedule that breaks it with %j', async (mechanisms, of) => {
    const found = await fc.check(property(of, mechanisms), { numRuns: 3_000, endOnFailure: true });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toMatch(/was executed at \d+ and acknowledged/);
  });
});
