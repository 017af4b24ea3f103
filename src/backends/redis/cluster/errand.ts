import type { Command, Reply } from '../connection.js';
import type { ClusterNode } from './cluster-node.js';

/** Commands that are brought to their nodes together, and what has come of each so far. */
export interface Errand {
  readonly commands: readonly Command[];
  operationOf(index: number): string;
  readonly deadline: number;
  readonly results: (Reply | Error)[];
  /** Whether anything was sent. */
  sent: boolean;
  /** As the router's. */
  assignments(): number;
  answeredLate(node: ClusterNode, key: string | undefined): void;
}

/** One of its commands, and the node it goes to. */
export interface Trip {
  readonly index: number;
  readonly node: ClusterNode;
  /** How many answers the node had given when the command was sent. */
  readonly answers: number;
  readonly asking: boolean;
  /** How often it was sent again to the same end. */
  readonly triesAgain: number;
}

/** ASKING counts for the next command only, so the two go out together. */
const asking: Command = { key: undefined, args: ['ASKING'] };

/** Sends each node what is for it, in one write; resolves to the trips that ended in an error. */
export async function deliver(trips: readonly Trip[], errand: Errand): Promise<Trip[]> {
  const groups = new Map<ClusterNode, Trip[]>();
  for (const trip of trips) {
    const group = groups.get(trip.node);
    if (group === undefined) groups.set(trip.node, [trip]);
    else group.push(trip);
  }
  await Promise.all(Array.from(groups, ([node, group]) => deliverTo(node, group, errand)));
  return trips.filter(({ index }) => errand.results[index] instanceof Error);
}

async function deliverTo(node: ClusterNode, trips: readonly Trip[], errand: Errand): Promise<void> {
  const { commands, results, deadline } = errand;
  const batch: Command[] = [];
  /** The command that a place in the batch is for. */
  const indexes: number[] = [];
  const places = trips.map((trip) => {
    if (trip.asking) {
      batch.push(asking);
      indexes.push(trip.index);
    }
    indexes.push(trip.index);
    return batch.push(commands[trip.index] as Command) - 1;
  });
  const assignments = errand.assignments();
  try {
    const replies = await node.calls.sendAll(batch, (place) => errand.operationOf(indexes[place] as number), deadline);
    errand.sent = true;
    if (!(replies[0] instanceof Error)) node.isLate = false;
    for (const [position, { index }] of trips.entries()) results[index] = replies[places[position] as number] as Reply | Error;
    if (errand.assignments() === assignments) return;
    for (const { index } of trips) errand.answeredLate(node, commands[index]?.key);
  } catch (error) {
    for (const { index } of trips) results[index] = error as Error;
  }
}
