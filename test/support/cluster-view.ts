import { checkHealth } from './cluster-health.js';
import { type NodeLine, ownLine, parseNodes } from './cluster-nodes.js';
import { eventually } from './eventually.js';
import { print, sendCommand } from './resp.js';

/** What the nodes of a cluster say when they are asked, in any process that knows their ports. */
export interface ClusterView {
  readonly ports: readonly number[];
  readonly addresses: readonly { readonly host: '127.0.0.1'; readonly port: number }[];
  /** `redis://…` of every node, with the password if there is one. */
  readonly urls: readonly string[];
  readonly password: string | undefined;
  /** The nodes that own slots now, by the newest claim. Those that are down are not counted. */
  masters(): Promise<NodeLine[]>;
  /** The replicas that are up. */
  replicas(): Promise<NodeLine[]>;
  /** The master of the key's slot. */
  nodeFor(key: string): Promise<NodeLine>;
  /** As the servers count it. */
  slotOf(key: string): Promise<number>;
  /**
   * Resolves when every node that is up says `ok`, all of them agree who owns which slot, every slot is owned by one that is up,
   * and every replica that is up has a live link to its master. Waits `within` ms, default 15000.
   */
  healthy(options?: { within?: number }): Promise<void>;
  /** One command to one node, on a connection of its own. An error reply rejects. */
  cli(port: number, ...args: string[]): Promise<string>;
}

export interface ClusterViewOptions {
  ports: readonly number[];
  password?: string;
  /** The ports worth asking. Default: all. */
  up?: () => readonly number[];
}

export function clusterView({ ports, password, up = () => ports }: ClusterViewOptions): ClusterView {
  const cli = async (port: number, ...args: string[]) => print(await sendCommand(port, args, { password }));

  /** What each node that answers says about itself. */
  const own = async () => {
    const lines = await Promise.allSettled(up().map(async (port) => ownLine(parseNodes(await cli(port, 'CLUSTER', 'NODES')))));
    return lines.flatMap((line) => (line.status === 'fulfilled' ? [line.value] : []));
  };
  const owners = async () => {
    const bySlot = new Map<number, NodeLine>();
    const claims = (await own()).filter(({ flags }) => flags.includes('master'));
    // A master that slept through its replacement still claims its slots, with an older epoch.
    for (const claim of claims.sort((a, b) => a.configEpoch - b.configEpoch))
      for (const [first, last] of claim.slots) for (let slot = first; slot <= last; slot++) bySlot.set(slot, claim);
    return bySlot;
  };
  const slotOf = async (key: string) => Number(await cli(up()[0] ?? 0, 'CLUSTER', 'KEYSLOT', key));

  return {
    ports,
    addresses: ports.map((port) => ({ host: '127.0.0.1', port })),
    urls: ports.map((port) => `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`),
    password,
    masters: async () => [...new Set((await owners()).values())],
    replicas: async () => (await own()).filter(({ flags }) => flags.includes('slave')),
    slotOf,
    async nodeFor(key) {
      const slot = await slotOf(key);
      const owner = (await owners()).get(slot);
      if (owner === undefined) throw new Error(`nobody who is up owns slot ${slot} of ${JSON.stringify(key)}`);
      return owner;
    },
    async healthy({ within = 15_000 } = {}) {
      await eventually(() => checkHealth(up(), cli), { within, every: 25 });
    },
    cli,
  };
}
