import { lookAtSlots } from './slot-sighting.js';
import type { Topology } from './topology.js';

/**
 * Shows that whoever writes to any slot writes to a master of the map. Unlike a message, which the nodes pass on to each other, what a
 * server tells of its keys is heard at that server only: not at one that gets its first slot just now.
 */
export async function expectAllHeard(topology: Topology, deadline: number): Promise<void> {
  const { newcomers, isOutdated } = await lookAtSlots({
    masters: topology.masters(),
    ownerOf: (slot) => topology.map?.ownerOf(slot),
    reached: (announced) => topology.reached(announced),
    deadline,
  });
  if (newcomers.length === 0 && !isOutdated) return;
  void topology.refresh();
  throw new Error('slots of the Redis Cluster are moving to a node that is not listened to');
}
