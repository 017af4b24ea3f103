import { expect, it } from 'vitest';
import { SlotAssignments } from '../../../../src/backends/redis/cluster/slot-assignments.js';
import { SlotMap } from '../../../../src/backends/redis/cluster/slot-map.js';

/** A letter for who has each of the first slots, '-' for nobody. */
function mapOf(owners: string, epoch = 1): SlotMap {
  const map = new SlotMap(epoch);
  for (const [slot, owner] of [...owners].entries()) if (owner !== '-') map.give(slot, owner);
  return map;
}

function watched() {
  const told: string[] = [];
  const assignments = new SlotAssignments((slots) => told.push([...slots].join()));
  /** The slots that it tells of, and `?` if there may be more. */
  const take = (owners: string, epoch?: number) => {
    const before = told.length;
    const isSuspect = assignments.take(mapOf(owners, epoch));
    return told.slice(before).join(';') + (isSuspect ? '?' : '');
  };
  return { assignments, take, told };
}

it('the first owner of a slot follows nobody', () => {
  const { take } = watched();
  expect([take('ab-'), take('ab-'), take('abc')]).toEqual(['', '', '']);
});

it('a slot that nobody served for a while is compared with who had it before', () => {
  const { take } = watched();
  expect([take('ab'), take('a-'), take('ab'), take('a-'), take('ac')]).toEqual(['', '', '', '', '1']);
});

it('many slots in one map are told of once, before the map counts', () => {
  const { take } = watched();
  take('aabb');
  expect(take('aacc')).toBe('2,3');
});

it('a part of a slot is told of once for each node, and anew when the slot moved', () => {
  const { assignments, take, told } = watched();
  take('ab');
  for (const node of ['b', 'b', 'c', 'c']) assignments.share(0, node);
  expect(told).toEqual(['0', '0']);
  assignments.give(0, 'c');
  assignments.give(0, 'c');
  assignments.share(0, 'c');
  expect([told, assignments.count]).toEqual([['0', '0', '0', '0'], 4]);
});

it('another epoch with the same owners says that something was changed: perhaps to and fro', () => {
  const { take } = watched();
  expect([take('ab', 1), take('ab', 2), take('ac', 3), take('ac', 3)]).toEqual(['', '?', '1?', '']);
});

it('a node has what was its last and what it has a part of', () => {
  const { assignments, take } = watched();
  take('aab');
  take('a-b');
  assignments.share(2, 'a');
  expect([...assignments.slotsOf('a')]).toEqual([0, 1, 2]);
  assignments.give(1, 'b');
  expect([...assignments.slotsOf('a')]).toEqual([0, 2]);
  expect([...assignments.slotsOf('nobody')]).toEqual([]);
});
