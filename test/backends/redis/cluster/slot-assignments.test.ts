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
  let told = 0;
  const assignments = new SlotAssignments(() => told++);
  const take = (owners: string, epoch?: number) => {
    const before = told;
    assignments.take(mapOf(owners, epoch));
    return told - before;
  };
  return { assignments, take, told: () => told };
}

it('the first owner of a slot follows nobody', () => {
  const { take } = watched();
  expect([take('ab-'), take('ab-'), take('abc')]).toEqual([0, 0, 0]);
});

it('a slot that nobody served for a while is compared with who had it before', () => {
  const { take } = watched();
  expect([take('ab'), take('a-'), take('ab'), take('a-'), take('ac')]).toEqual([0, 0, 0, 0, 1]);
});

it('many slots in one map are told of once, before the map counts', () => {
  const { take } = watched();
  take('aabb');
  expect(take('cccc')).toBe(1);
});

it('a part of a slot is told of once for each node, and anew when the slot moved', () => {
  const { assignments, take, told } = watched();
  take('ab');
  for (const node of ['b', 'b', 'c', 'c']) assignments.share(0, node);
  expect(told()).toBe(2);
  assignments.give(0, 'c');
  assignments.give(0, 'c');
  assignments.share(0, 'c');
  expect([told(), assignments.count]).toEqual([4, 4]);
});
