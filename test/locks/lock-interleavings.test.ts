import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleaveLocks, type Scene } from '../support/locks/lock-interleaving.js';
import { type LockTrouble, lockPrograms, type Mishap, mishapsOf, ratesOf, transits } from '../support/locks/lock-programs.js';
import type { LockMechanisms } from '../support/locks/simulated-server.js';
import { partsOf } from '../support/schedules.js';

type Kinds = readonly Mishap['kind'][];

const away: Kinds = ['silent', 'refusing', 'unheard', 'cut'];
const usual: Kinds = [...away, 'standStill', 'kill'];

function staysTrue(servers: number, kinds: Kinds, without: LockMechanisms = {}) {
  const scene: Scene = { servers, processes: 3 };
  const trouble = fc.record<LockTrouble>({
    transits,
    mishaps: mishapsOf(kinds, servers, scene.processes),
    rates: ratesOf(servers),
  });
  return fc.asyncProperty(lockPrograms(scene.processes), trouble, (programs, given) =>
    interleaveLocks(scene, programs, given, without),
  );
}

describe('three processes, delays, losses, connections that are cut, processes that stand still or die, clocks that drift or are put', {
  timeout: 180_000,
}, () => {
  it.each(partsOf('locks, one server'))('one server: no two rely on a lock, nobody waits for ever ($from to $to)', (part) =>
    part.check(staysTrue(1, [...usual, 'step'])),
  );

  it.each(partsOf('locks, three servers'))('three servers ($from to $to)', (part) =>
    part.check(staysTrue(3, [...usual, 'step'])),
  );

  it.each(partsOf('locks, five servers'))('five servers ($from to $to)', (part) =>
    part.check(staysTrue(5, [...usual, 'step'])),
  );

  // With clocks in step: a fence that the majority of now has never seen is lower than any of now only by the clock.
  it.each(partsOf('locks, a server comes back empty'))(
    'three servers, one of which comes back empty when every lock of before has ended ($from to $to)',
    (part) => part.check(staysTrue(3, [...usual, 'emptied', 'emptied'])),
  );

  it.each<readonly [number, Kinds, LockMechanisms, RegExp]>([
    [1, [], { allowance: 'off' }, /is relied on/],
    [3, ['step', 'step', 'silent'], { writeBack: 'off' }, /fences of . went from/],
  ])('the search finds a schedule that breaks it over %i servers, %j, with %j', async (servers, kinds, without, what) => {
    const found = await fc.check(staysTrue(servers, ['cut', ...kinds], without), { numRuns: 3_000, endOnFailure: true });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toMatch(what);
  });
});
