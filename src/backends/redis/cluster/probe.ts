import { ConnectionError } from '../../../errors.js';
import type { Reply } from '../connection.js';
import { slotOf } from '../slots.js';
import type { ClusterNode } from './cluster-node.js';
import { readEpoch } from './layout.js';
import { readRedirection } from './redirection.js';
import type { Topology } from './topology.js';

/** A slot on its way sends a key that is not there elsewhere, which says nothing about the node's other slots. */
const mostSlots = 3;

/**
 * Asks every master of the map whether it still is one. By a write, because one that was demoted, or lost the majority or its replicas,
 * goes on answering everything else. And by its epoch, because one that is cut off takes writes until it finds out, and the others may
 * have put another in its place by then.
 */
export class Probe {
  readonly #topology: Topology;
  /** By master, what makes the key one of its own: there may be many to try. */
  readonly #tags = new Map<string, number>();

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  async run(key: string, deadline: number): Promise<void> {
    const masters = this.#topology.masters();
    const names = new Set(masters.map(({ name }) => name));
    for (const name of this.#tags.keys()) if (!names.has(name)) this.#tags.delete(name);
    await Promise.all(masters.map((node) => this.#ask(node, key, deadline)));
  }

  async #ask(node: ClusterNode, key: string, deadline: number): Promise<void> {
    const topology = this.#topology;
    for (let slots = 1; ; slots++) {
      const { answers } = node;
      const [deleted, info] = await remove(node, `${key}:{${this.#tagFor(node)}}`, deadline);
      if (!(deleted instanceof Error)) {
        node.isLate = false;
        return this.#compare(node, info);
      }
      node.failed(deleted, answers);
      const redirection = readRedirection(deleted.cause, node.address);
      if (redirection?.kind === 'ask' && slots < mostSlots) {
        this.#tags.set(node.name, this.#tagFor(node) + 1);
        continue;
      }
      if (redirection?.kind === 'moved') {
        topology.moved(redirection.slot, topology.nodeAt(topology.reached(redirection.to)));
      } else void topology.refresh();
      throw deleted;
    }
  }

  /**
   * A higher epoch than the map's is news of a change; a lower one is a node that has not heard of the last, or never will. Whoever may
   * not ask for it does without.
   */
  #compare(node: ClusterNode, info: Reply | Error | undefined): void {
    const { map } = this.#topology;
    if (map === undefined || info === undefined || info instanceof Error) return;
    const epoch = readEpoch(info);
    if (epoch === map.epoch) return;
    if (epoch > map.epoch) void this.#topology.learnFrom(node);
    else void this.#topology.refresh();
    throw changed(node);
  }

  #tagFor(node: ClusterNode): number {
    const { map } = this.#topology;
    if (map === undefined || map.slotsOf(node.name) === 0) throw changed(node);
    let tag = this.#tags.get(node.name) ?? 0;
    while (map.ownerOf(slotOf(String(tag))) !== node.name) tag++;
    this.#tags.set(node.name, tag);
    return tag;
  }
}

function remove(node: ClusterNode, key: string, deadline: number): Promise<(Reply | Error)[]> {
  const commands = [
    { key, args: ['DEL', key] },
    { key: undefined, args: ['CLUSTER', 'INFO'] },
  ];
  return node.calls.sendAll(commands, () => 'probe', deadline);
}

function changed({ name }: ClusterNode): ConnectionError {
  const options = { backend: 'redis', operation: 'probe', partial: true };
  return new ConnectionError(`the Redis Cluster is not what it was, as seen from ${name}`, options);
}
