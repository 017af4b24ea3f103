import { assembleCluster } from './assemble-cluster.js';
import { commandCounts, type Traffic, trafficOf } from './cluster-traffic.js';
import { type ClusterView, clusterView } from './cluster-view.js';
import { eventually } from './eventually.js';
import { freeClusterPort } from './free-port.js';
import type { RedisServer } from './redis-server.js';
import { type ServerSet, serverSet, startTogether } from './server-set.js';
import { beginMove, type SlotMove } from './slot-move.js';

export interface ClusterOptions {
  /** Default 3. */
  masters?: number;
  /** Per master. Default 1. */
  replicas?: number;
  /** Milliseconds until a silent node counts as failed. Default 1000. */
  nodeTimeout?: number;
  password?: string;
  /** More arguments of each redis-server. */
  args?: readonly string[];
}

export interface ClusterNode {
  readonly port: number;
  /** As started. `masters()` says what is so now. */
  readonly role: 'master' | 'replica';
  readonly server: RedisServer;
}

/** A real Redis Cluster. Nodes are named by their ports. */
export interface RedisCluster extends ClusterView, Omit<ServerSet, 'servers'>, AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  /** Starts a dead or running node anew, empty, with the identity it had: a replaced master becomes a replica. */
  restart(port: number): Promise<void>;
  /** A resharding that a test takes step by step. */
  beginMove(slot: number, toPort: number): Promise<SlotMove>;
  /** A whole one, with its keys; resolves to how many it moved. */
  moveSlot(slot: number, toPort: number): Promise<number>;
  /**
   * Makes the replica on this port the master, without loss unless `how` is given, and resolves when it and every other node that
   * is up say so.
   */
  failover(port: number, how?: 'FORCE' | 'TAKEOVER'): Promise<void>;
  /** What each node that is up received since it started, by port. */
  commandCounts(): Promise<Traffic>;
  /** What each node received while `action` ran: round trips as the servers count them. */
  traffic(action: () => unknown): Promise<Traffic>;
  /** FLUSHALL on every master. */
  flush(): Promise<void>;
}

/** Starts a cluster and resolves when it is healthy, after 2 to 3 s: for the first 2 s of its life a master takes no writes. */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 1, nodeTimeout = 1_000, password, args = [] } = options;
  const settings = argumentsFor(nodeTimeout, password);
  return startTogether(async (start) => {
    const server = () => start({ password, pickPort: freeClusterPort, args: [...settings, ...args] });
    const servers = await Promise.all(Array.from({ length: masters * (1 + replicas) }, server));
    const cluster = clusterOf(
      servers.map((server, index) => ({ port: server.port, role: index < masters ? 'master' : 'replica', server })),
      password,
    );
    await assembleCluster(cluster, nodeTimeout);
    return cluster;
  });
}

function clusterOf(nodes: readonly ClusterNode[], password: string | undefined): RedisCluster {
  const { servers: _, ...set } = serverSet(nodes.map(({ server }) => server));
  const view = clusterView({ ports: nodes.map(({ port }) => port), password, up: set.up });
  return {
    ...view,
    ...set,
    [Symbol.asyncDispose]: set.stop,
    nodes,
    restart: (port) => set.server(port).restart(),
    beginMove: (slot, toPort) => beginMove(view, slot, toPort),
    async moveSlot(slot, toPort) {
      const move = await beginMove(view, slot, toPort);
      const moved = await move.migrate();
      await move.finish();
      return moved;
    },
    async failover(port, how) {
      await view.cli(port, 'CLUSTER', 'FAILOVER', ...(how === undefined ? [] : [how]));
      await eventually(async () => (await view.masters()).some((master) => master.port === port), { within: 10_000 });
      await view.healthy();
    },
    commandCounts: () => commandCounts(view, set.up()),
    traffic: (action) => trafficOf(view, set.up(), action),
    async flush() {
      await Promise.all((await view.masters()).map(({ port }) => view.cli(port, 'FLUSHALL')));
    },
  };
}

function argumentsFor(nodeTimeout: number, password: string | undefined): string[] {
  const settings: Record<string, string> = {
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': String(nodeTimeout),
    'cluster-announce-ip': '127.0.0.1',
    'cluster-require-full-coverage': 'no',
    // Else a replica that was cut off from its master for a while would never replace it.
    'cluster-replica-validity-factor': '0',
    ...(password === undefined ? {} : { masterauth: password }),
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
