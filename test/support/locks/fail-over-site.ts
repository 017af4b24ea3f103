import type { RedisLocksOptions } from 'tierkeep/locks';
import { eventually } from '../eventually.js';
import { parseInfo } from '../info.js';
import { startCluster } from '../redis-cluster.js';
import { startSentinel } from '../redis-sentinel.js';

type Cli = (port: number, ...args: string[]) => Promise<string>;

/** A lock, the master that keeps it, and who may take over. Nodes are named by their ports. */
export interface Victim {
  readonly resource: string;
  readonly master: number;
  readonly replicas: readonly number[];
}

export interface FailOverSite {
  locks(driver: 'ioredis' | 'node-redis'): RedisLocksOptions;
  /** One that can be replaced. */
  victim(): Promise<Victim>;
  /** A replica takes over, whether the master lives or not; resolves when that is so. */
  replace(victim: Victim): Promise<void>;
  readonly cli: Cli;
  kill(port: number): Promise<void>;
  /** As a replica, if it was replaced. */
  restart(port: number): Promise<void>;
  healthy(): Promise<void>;
  stop(): Promise<void>;
}

/** On a busy machine nothing may be replaced by itself. */
const patience = 10_000;

export async function sentinelSite(): Promise<FailOverSite> {
  const topology = await startSentinel({ downAfter: patience, replicas: 3 });
  const { masterName: name, sentinels, ports } = topology;
  return {
    ...common(topology),
    locks: (driver) => ({ sentinel: { name, sentinels, driver } }),
    async victim() {
      const master = await topology.waitForMaster();
      const replicas = ports.filter((port) => port !== master && topology.up().includes(port));
      return { resource: 'door', master, replicas };
    },
    async replace({ master }) {
      const [{ port = 0 } = {}] = sentinels;
      await eventually(() => topology.cli(port, 'SENTINEL', 'FAILOVER', name), { within: 20_000, every: 100 });
      await topology.waitForMaster({ otherThan: master, within: 20_000 });
    },
  };
}

export async function clusterSite(): Promise<FailOverSite> {
  const cluster = await startCluster({ nodeTimeout: patience });
  return {
    ...common(cluster),
    locks: (driver) => ({ cluster: { nodes: cluster.addresses, driver } }),
    async victim() {
      const replicas = await cluster.replicas();
      const followed = (await cluster.masters()).find(({ id }) => replicas.some(({ masterId }) => masterId === id));
      if (followed === undefined) throw new Error('no master has a replica');
      const { id, port, slots } = followed;
      const doors = await Promise.all(
        Array.from({ length: 30 }, async (_, at) => ({ name: `door ${at}`, slot: await cluster.slotOf(`door ${at}`) })),
      );
      const door = doors.find(({ slot }) => slots.some(([first, last]) => first <= slot && slot <= last));
      const own = replicas.filter(({ masterId }) => masterId === id);
      return { resource: door?.name ?? '', master: port, replicas: own.map((replica) => replica.port) };
    },
    async replace({ resource, replicas: [replica = 0] }) {
      await cluster.cli(replica, 'CLUSTER', 'FAILOVER', 'TAKEOVER');
      await eventually(async () => (await cluster.nodeFor(resource)).port === replica, { within: 20_000 });
    },
  };
}

function common(of: Pick<FailOverSite, 'cli' | 'kill' | 'restart' | 'stop' | 'healthy'>): typeof of {
  return { cli: of.cli, kill: of.kill, restart: of.restart, stop: of.stop, healthy: () => of.healthy() };
}

/** What its master takes from now on they do not have. */
export async function deafen({ cli }: FailOverSite, { master }: Victim): Promise<void> {
  await cli(master, 'ACL', 'SETUSER', 'default', '-psync', '-sync');
  await cli(master, 'CLIENT', 'KILL', 'TYPE', 'replica');
  await eventually(async () => parseInfo(await cli(master, 'INFO', 'replication')).get('connected_slaves') === '0');
}

/** It lives on, and may be one of them later. */
export async function letBeHeard({ cli }: FailOverSite, { master }: Victim): Promise<void> {
  await cli(master, 'ACL', 'SETUSER', 'default', '+psync', '+sync');
}

/** Resolves when they have all that their master has taken so far. */
export async function passedOn({ cli }: FailOverSite, { master, replicas }: Victim): Promise<void> {
  const role = async (port: number) => parseInfo(await cli(port, 'INFO', 'replication'));
  const offset = Number((await role(master)).get('master_repl_offset'));
  for (const replica of replicas) {
    await eventually(async () => Number((await role(replica)).get('slave_repl_offset')) >= offset, { within: 20_000 });
  }
}
