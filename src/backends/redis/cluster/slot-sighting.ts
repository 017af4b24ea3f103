import { type Address, addressText } from '../address.js';
import { slotCount } from '../slots.js';
import type { ClusterNode } from './cluster-node.js';
import { type NodeReport, readNodeReport } from './node-report.js';

/** Where the keys of every slot were at one moment, as the masters themselves say. Nodes are named as in `SlotMap`. */
export interface SlotSighting {
  readonly owners: readonly (string | undefined)[];
  /** Of slots that several nodes may hold keys of: all of those, in the order in which keys go through them. */
  readonly moving: ReadonlyMap<number, readonly string[]>;
  /** Nodes that own nothing yet but get keys. */
  readonly newcomers: readonly Address[];
  /** A node that should be a master says it is none. */
  readonly isOutdated: boolean;
}

export interface LookSettings {
  readonly masters: readonly ClusterNode[];
  /** Who owns the slot as far as we know: for what a master does not tell. */
  ownerOf(slot: number): string | undefined;
  reached(announced: Address): Address;
  readonly deadline: number;
}

export async function lookAtSlots({ masters, ownerOf, reached, deadline }: LookSettings): Promise<SlotSighting> {
  const reports = await Promise.all(masters.map((node) => reportOf(node, deadline)));
  const named = masters.flatMap(({ name }, index) => {
    const report = reports[index];
    return report === undefined ? [] : [{ name, report }];
  });
  const names = new Map(named.map(({ name, report }) => [report.id, name]));
  const newcomers: Address[] = [];
  const nameOf = (id: string, { addresses }: NodeReport) => {
    const known = names.get(id);
    const announced = addresses.get(id);
    if (known !== undefined || announced === undefined) return known;
    const address = reached(announced);
    newcomers.push(address);
    names.set(id, addressText(address));
    return names.get(id);
  };

  const owners: (string | undefined)[] = new Array(slotCount).fill(undefined);
  const moving = new Map<number, string[]>();
  const through = (slot: number, first: string | undefined, then: string | undefined) => {
    const path = moving.get(slot) ?? (first === undefined ? [] : [first]);
    if (then !== undefined && !path.includes(then)) path.push(then);
    if (path.length > 1) moving.set(slot, path);
  };
  for (const { name, report } of named.sort((a, b) => a.report.epoch - b.report.epoch)) {
    for (const [first, last] of report.ranges) {
      for (let slot = first; slot <= last; slot++) {
        through(slot, owners[slot], name);
        owners[slot] = name;
      }
    }
  }
  for (const { name, report } of named) {
    for (const [slot, id] of report.leaving) through(slot, owners[slot], nameOf(id, report));
    for (const [slot] of report.coming) through(slot, owners[slot], name);
  }
  const silent = new Set(masters.filter((_, index) => reports[index] === undefined).map(({ name }) => name));
  let isOutdated = named.some(({ report }) => !report.isMaster);
  for (let slot = 0; slot < slotCount; slot++) {
    if (owners[slot] !== undefined) continue;
    const believed = ownerOf(slot);
    if (believed !== undefined && silent.has(believed)) owners[slot] = believed;
    else if (believed !== undefined) isOutdated = true;
  }
  return { owners, moving, newcomers, isOutdated };
}

/** Undefined when it cannot be asked, or may not: its slots are then where they are believed to be. */
async function reportOf(node: ClusterNode, deadline: number): Promise<NodeReport | undefined> {
  try {
    const text = await node.calls.send({ key: undefined, args: ['CLUSTER', 'NODES'] }, 'cluster nodes', deadline);
    return readNodeReport(String(text));
  } catch {
    return undefined;
  }
}
