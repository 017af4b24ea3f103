import { ConnectionError } from '../../../errors.js';
import { type Address, addressText } from '../address.js';
import { Unsent } from '../calls.js';
import { slotCount } from '../slots.js';
import type { ClusterNode } from './cluster-node.js';
import { lookAtSlots, type SlotSighting } from './slot-sighting.js';
import { SlotTrails } from './slot-trails.js';
import type { Topology } from './topology.js';

export interface ScanSettings {
  readonly topology: Topology;
  readonly match: string;
  readonly count: number;
  /** Asked for each round trip. */
  deadline(): number;
}

/** Slots that are moved there and back all the time could keep a scan going for ever. */
const mostRounds = 16;

/**
 * Keys that match, from every master, and again from those to which slots moved meanwhile. A master that cannot be scanned keeps the
 * others from nothing: it is told when they are done.
 */
export async function* scanMasters(settings: ScanSettings): AsyncGenerator<string[]> {
  const { topology } = settings;
  const trails = new SlotTrails();
  const newcomers = new Map<string, Address>();
  const failures = new Map<string, unknown>();
  const look = async () => {
    const sighting = await lookAgain(settings);
    trails.seen(sighting);
    for (const address of sighting.newcomers) newcomers.set(addressText(address), address);
  };
  const stillToScan = () => {
    const nodes = new Set([...topology.masters().map(({ name }) => name), ...newcomers.keys()]);
    return [...trails.missing(nodes)].filter((name) => !failures.has(name));
  };

  await look();
  let names = stillToScan();
  for (let round = 1; names.length > 0; round++) {
    if (round > mostRounds) throw new ConnectionError('slots moved to and fro all the time that the scan took', told);
    for (const name of names) {
      const from = trails.begin();
      try {
        yield* scanNode(() => nodeCalled(name, topology, newcomers), settings);
        trails.scanned(name, from);
      } catch (error) {
        // One that is no master any more has left its keys to others, which the next look shows.
        await topology.refresh();
        if (topology.masters().some((master) => master.name === name)) failures.set(name, error);
        newcomers.delete(name);
      }
    }
    await look();
    names = stillToScan();
  }
  for (const error of failures.values()) throw error;
  // The nodes leave out a master that they take for dead until another one has its slots.
  const unserved = slotCount - (topology.map?.served(() => true) ?? 0);
  if (unserved > 0)
    throw new ConnectionError(`${unserved} slots are served by no node: what keys they have was not seen`, told);
}

const told = { backend: 'redis', operation: 'scan', partial: true };

/** Asks once more who is who when a node is no master any more, or nobody claims what somebody should. */
async function lookAgain({ topology, deadline }: ScanSettings): Promise<SlotSighting> {
  for (let tries = 1; ; tries++) {
    const sighting = await lookAtSlots({
      masters: topology.masters(),
      ownerOf: (slot) => topology.map?.ownerOf(slot),
      reached: (announced) => topology.reached(announced),
      deadline: deadline(),
    });
    if (!sighting.isOutdated || tries === 3) return sighting;
    await topology.refresh();
  }
}

function nodeCalled(name: string, topology: Topology, newcomers: ReadonlyMap<string, Address>): ClusterNode {
  const node = topology.masters().find((master) => master.name === name);
  const newcomer = newcomers.get(name);
  if (node !== undefined) return node;
  if (newcomer !== undefined) return topology.nodeAt(newcomer);
  throw new Unsent(`${name} is no master any more`);
}

async function* scanNode(nodeNow: () => ClusterNode, { match, count, deadline }: ScanSettings): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const args = ['SCAN', cursor, 'MATCH', match, 'COUNT', String(count)];
    const reply = await nodeNow().calls.send({ key: undefined, args }, 'scan', deadline());
    const [next, keys] = reply as unknown as readonly [Buffer, readonly Buffer[]];
    cursor = next.toString();
    if (keys.length > 0) yield keys.map(String);
  } while (cursor !== '0');
}
