import { OtherServer } from '../other-server.js';
import { slotOf } from '../slots.js';
import type { ClusterNode } from './cluster-node.js';
import type { Topology } from './topology.js';

/** Tells that another node answers for the keys of some slots, or one that is not what it was. */
export class OtherNode extends OtherServer {
  readonly #topology: () => Topology;

  constructor(topology: () => Topology) {
    super();
    this.#topology = topology;
  }

  /** At the address of a node is another server than before, or one that began anew. */
  replaced(node: ClusterNode): void {
    const slots = this.#topology().slotsAt(node.name);
    if (slots.size > 0) this.tell(slots);
  }

  /** A node has answered that was asked before slots were given to others, perhaps this key's. */
  answeredLate(node: ClusterNode, key: string | undefined): void {
    if (key === undefined) return;
    const slot = slotOf(key);
    if (this.#topology().map?.ownerOf(slot) !== node.name) this.tellAgain(new Set([slot]));
  }
}
