import type { Clock } from '../../../clock.js';
import { BackendError, ConfigError } from '../../../errors.js';
import { type Address, addressText, mapped, type NatMap } from '../address.js';
import { reasonText } from '../server-errors.js';
import { slotCount } from '../slots.js';
import type { ClusterNode } from './cluster-node.js';
import type { ClusterNodes } from './cluster-nodes.js';
import { type Layout, readLayout } from './layout.js';
import { Rounds } from './rounds.js';
import { SlotAssignments } from './slot-assignments.js';
import { SlotMap } from './slot-map.js';
import { type Judgement, survey } from './survey.js';

export interface TopologySettings {
  readonly seeds: readonly Address[];
  readonly natMap: NatMap | undefined;
  readonly nodes: ClusterNodes;
  readonly clock: Clock;
  readonly connectTimeout: number;
  /** How long a node that owns nothing any more may take to finish what is in flight. */
  readonly drainTimeout: number;
  /** The map is another one, or could not be had. */
  changed(): void;
  /** These slots are about to be another node's than the one's that had them last. */
  reassigned(slots: ReadonlySet<number>): void;
}

/** While all is well: somebody who sends nothing hears of no change. */
const quietPause = 5_000;
/** While something is wrong, at first and when it lasts. */
const troubledPause = 100;
const longTroublePause = 1_000;
const longTrouble = 30_000;
/** A node that answers at all answers this within, ms. */
const answerTimeout = 500;

/** Knows who serves which slot, as far as the nodes that can be asked know it. */
export class Topology {
  readonly #settings: TopologySettings;
  readonly #rounds: Rounds;
  readonly #assignments: SlotAssignments;
  #map: SlotMap | undefined;
  #replicas: readonly Address[] = [];
  #reason: unknown;
  /** Former masters that did not work when they were replaced: a node that still believes in them is behind. */
  #lost = new Set<string>();
  #troubledSince: number | undefined;
  #stopped = false;

  constructor(settings: TopologySettings) {
    this.#settings = settings;
    this.#assignments = new SlotAssignments((slots) => settings.reassigned(slots));
    this.#rounds = new Rounds({ run: () => this.#round(), pause: () => this.#pause() });
  }

  get map(): SlotMap | undefined {
    return this.#map;
  }

  /** Why there is no map, or why it could not be had again. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Grows whenever a slot is given to another node. */
  get assignments(): number {
    return this.#assignments.count;
  }

  slotsAt(node: string): Set<number> {
    return this.#assignments.slotsOf(node);
  }

  /** Asks the nodes again; resolves when they were asked. */
  refresh(): Promise<void> {
    return this.#rounds.soon();
  }

  /** Asks the one node that is known to have heard of a change, then whoever may know better. */
  async learnFrom(node: ClusterNode): Promise<void> {
    const layout = await this.#ask(node).catch(() => undefined);
    if (layout === undefined || this.#judge(layout) === 'older') await this.refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#rounds.stop();
  }

  /** Where a node that is announced at an address is reached. */
  reached(announced: Address): Address {
    return mapped(announced, this.#settings.natMap);
  }

  /** A node says that the slot is another's. */
  moved(slot: number, to: ClusterNode): void {
    if (this.#map === undefined) return;
    const isNew = this.#map.slotsOf(to.name) === 0;
    this.#assignments.give(slot, to.name);
    this.#map.give(slot, to.name);
    void this.refresh();
    if (isNew) this.#settings.changed();
  }

  /** A node says that the slot is on its way, and some of its keys at this one already. */
  asked(slot: number, at: ClusterNode): void {
    this.#assignments.share(slot, at.name);
  }

  nodeAt(address: Address): ClusterNode {
    return this.#settings.nodes.at(address);
  }

  /** Every node that serves a slot. */
  masters(): ClusterNode[] {
    return (this.#map?.masters() ?? []).flatMap((name) => this.#settings.nodes.get(name) ?? []);
  }

  async #round(): Promise<void> {
    const reasons = new Map<string, unknown>();
    for (const node of this.masters()) if (node.state === 'ready' && !node.works) void this.#probe(node);
    const result = await survey<Address, Layout>({
      candidates: this.#candidates(),
      width: this.#isTroubled() ? 3 : 1,
      ask: async (address) => this.#ask(this.#settings.nodes.at(address)),
      judge: (layout) => this.#judge(layout),
      failed: (address, reason) => reasons.set(addressText(address), reason),
    });
    if (result !== 'taken' && !this.#stopped) this.#settle(result, reasons);
  }

  /** Nobody knows better than the old news there is: a cluster was made anew, or only a part of it can be reached. */
  #settle(older: readonly Layout[], reasons: ReadonlyMap<string, unknown>): void {
    const [newest] = older.filter(({ ranges }) => ranges.length > 0).sort((a, b) => b.epoch - a.epoch);
    if (newest !== undefined) this.#take(newest, this.#mapOf(newest));
    else {
      this.#reason = older.length > 0 ? new Error('the nodes that answer own no slots') : worst(reasons);
      this.#settings.changed();
    }
  }

  /** Those that work come first, those that do not last; among equals chance decides, so that the work is shared. */
  #candidates(): Address[] {
    const { nodes, seeds } = this.#settings;
    const known = this.masters().map(({ address }) => address);
    const byName = new Map([...known, ...this.#replicas, ...seeds].map((address) => [addressText(address), address]));
    const worth = (name: string) => {
      const node = nodes.get(name);
      if (node?.state === 'ready') return node.isSilent ? 3 : 0;
      return node === undefined || node.state === 'connecting' ? 1 : 2;
    };
    return [...byName]
      .map(([name, address]) => ({ address, rank: worth(name) + Math.random() / 2 }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ address }) => address);
  }

  async #ask(node: ClusterNode): Promise<Layout> {
    const { clock, connectTimeout } = this.#settings;
    const commands = [
      { key: undefined, args: ['CLUSTER', 'INFO'] },
      { key: undefined, args: ['CLUSTER', 'SLOTS'] },
    ];
    const { answers } = node;
    const deadline = clock.monotonic() + (node.state === 'ready' ? answerTimeout : connectTimeout);
    const [info, slots] = await node.calls.sendAll(commands, () => 'cluster slots', deadline);
    if (slots instanceof Error) {
      node.failed(slots, answers);
      throw explained(slots, node.name);
    }
    const layout = readLayout(info instanceof Error ? undefined : info, slots ?? null, node.address);
    node.serving = layout.serving;
    return layout;
  }

  /** Nobody else may be sending anything to it, and only an answer shows that it is back, or only none that it is gone. */
  async #probe(node: ClusterNode): Promise<void> {
    await this.#ask(node).catch(() => undefined);
  }

  #judge(layout: Layout): Judgement {
    if (this.#stopped) return 'taken';
    if (layout.ranges.length === 0) return 'older';
    const map = this.#mapOf(layout);
    if (this.#map !== undefined) {
      if (map.epoch < this.#map.epoch) return 'older';
      // Gossip brings the number before the news itself.
      if (map.epoch === this.#map.epoch && this.#hopeful(map) < this.#hopeful(this.#map)) return 'older';
    }
    this.#take(layout, map);
    return 'taken';
  }

  #hopeful(map: SlotMap): number {
    return map.served((name) => {
      const node = this.#settings.nodes.get(name);
      return !this.#lost.has(name) && (node === undefined || (node.state !== 'down' && !node.isSilent));
    });
  }

  #mapOf({ epoch, ranges }: Layout): SlotMap {
    const map = new SlotMap(epoch);
    for (const { first, last, master } of ranges) {
      const name = addressText(this.reached(master));
      for (let slot = first; slot <= last; slot++) map.give(slot, name);
    }
    return map;
  }

  #take({ ranges }: Layout, map: SlotMap): void {
    const { nodes, drainTimeout } = this.#settings;
    const masters = new Set(map.masters());
    const former = this.masters();
    for (const node of former) if (!masters.has(node.name) && !node.works) this.#lost.add(node.name);
    for (const name of masters) this.#lost.delete(name);
    // Before the map is in force: a node that begins to connect has the map looked at, and those it names must be there then.
    for (const { master } of ranges) nodes.at(this.reached(master));
    const isSuspect = this.#assignments.take(map);
    this.#map = map;
    // The link to a master that was a replica for a while may have stood all along.
    if (isSuspect) for (const node of former) if (masters.has(node.name)) void node.checkIdentity(this.#soon());
    this.#reason = undefined;
    this.#replicas = ranges.flatMap(({ replicas }) => replicas.map((replica) => this.reached(replica)));
    // Who could be asked in trouble will be asked again before it is over.
    const others = this.#isTroubled() ? [...nodes.all()].filter((node) => !former.includes(node)) : [];
    nodes.keep(new Set([...masters, ...others.map(({ name }) => name)]), drainTimeout);
    this.#settings.changed();
  }

  #soon(): number {
    return this.#settings.clock.monotonic() + answerTimeout;
  }

  #isTroubled(): boolean {
    const { nodes } = this.#settings;
    return this.#map === undefined || this.#map.served((name) => nodes.get(name)?.works ?? false) < slotCount;
  }

  #pause(): number {
    if (!this.#isTroubled()) {
      this.#troubledSince = undefined;
      return quietPause;
    }
    this.#troubledSince ??= performance.now();
    const pause = performance.now() - this.#troubledSince < longTrouble ? troubledPause : longTroublePause;
    return pause * (1 + Math.random());
  }
}

function explained(error: Error, name: string): unknown {
  if (!reasonText(error).includes('cluster support disabled')) return error;
  return new ConfigError(
    `Redis at ${name} has cluster support disabled: it is a single server. Use .redis({ url }) for it, or name the nodes of a Cluster.`,
    { cause: error },
  );
}

/** One that nobody but the user can mend says more than many that may pass. */
function worst(reasons: ReadonlyMap<string, unknown>): unknown {
  const all = [...reasons].map(([name, reason]) => ({ name, reason: rootOf(reason) }));
  const [first] = all;
  const wrong = all.find(({ reason }) => reason instanceof ConfigError);
  if (wrong !== undefined || all.length === 1) return (wrong ?? first)?.reason;
  const each = all.map(({ name, reason }) => `${name}: ${reasonText(reason)}`);
  return new Error(`no node of the cluster answers (${each.join('; ')})`, { cause: first?.reason });
}

function rootOf(reason: unknown): unknown {
  return reason instanceof BackendError && reason.cause !== undefined ? reason.cause : reason;
}
