import { addressText } from '../address.js';
import { closedError } from '../calls.js';
import type { Address } from '../driver.js';
import { ClusterNode, type NodeSettings } from './cluster-node.js';

/** The nodes that we hold links to, by name. */
export class ClusterNodes {
  readonly #settings: NodeSettings;
  readonly #nodes = new Map<string, ClusterNode>();
  readonly #leaving = new Set<ClusterNode>();
  #closed = false;

  constructor(settings: NodeSettings) {
    this.#settings = settings;
  }

  get(name: string): ClusterNode | undefined {
    return this.#nodes.get(name);
  }

  /**
   * The node at this address, which begins to connect if it is new.
   * @throws ClosedError after `close()`
   */
  at(address: Address): ClusterNode {
    if (this.#closed) throw closedError();
    const name = addressText(address);
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = new ClusterNode(address, this.#settings);
      this.#nodes.set(name, node);
      node.connect();
    }
    return node;
  }

  all(): IterableIterator<ClusterNode> {
    return this.#nodes.values();
  }

  /** Lets all others go, each with `ms` for what is in flight on it. */
  keep(names: ReadonlySet<string>, ms: number): void {
    for (const [name, node] of this.#nodes) {
      if (names.has(name)) continue;
      this.#nodes.delete(name);
      this.#leaving.add(node);
      void node.retire(ms).then(() => this.#leaving.delete(node));
    }
  }

  async close(ms: number): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#nodes.values(), ...this.#leaving].map((node) => node.close(ms)));
  }
}
