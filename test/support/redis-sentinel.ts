import { eventually } from './eventually.js';
import type { RedisServer } from './redis-server.js';
import { type SentinelView, sentinelView } from './sentinel-view.js';
import { type ServerSet, serverSet, startTogether } from './server-set.js';

export interface SentinelOptions {
  /** Default 2. */
  replicas?: number;
  /** Default 3. */
  sentinels?: number;
  /** Milliseconds until a silent master counts as down, with two Sentinels up that were started first. Default 1000. */
  downAfter?: number;
  /** Milliseconds a fail-over may take; twice that has to pass until the next one starts by itself. Default 2000. */
  failoverTimeout?: number;
  /** Of the master and the replicas. No blanks or quotes: a Sentinel writes it to its file in a way it cannot read back. */
  password?: string;
  sentinelPassword?: string;
  /** A master that sees fewer replicas refuses writes. Default 0. */
  minReplicasToWrite?: number;
  /** More arguments of the master and each replica. */
  args?: readonly string[];
}

/** A real master with replicas, watched by Sentinels. Nodes and Sentinels are named by their ports. */
export interface RedisSentinel extends SentinelView, Omit<ServerSet, 'servers'>, AsyncDisposable {
  /** The master and the replicas. */
  readonly nodes: readonly RedisServer[];
  /**
   * Starts a dead or running node anew, empty: as a replica of the master, or as the master again if nobody has replaced it, which
   * empties its replicas too. A Sentinel comes back with what it knew.
   */
  restart(port: number): Promise<void>;
  /**
   * SENTINEL FAILOVER; resolves to the port of the new master when it is one and all Sentinels say so. The old one goes on as a
   * master for about 10 s more and takes writes that will be lost, as it does in life; `healthy` ends that.
   */
  failover(): Promise<number>;
  /** As every view's, but the Sentinels hurry until it is so: left to themselves they take 20 s after a fail-over. */
  healthy(options?: { within?: number }): Promise<void>;
  /** FLUSHALL on the master. */
  flush(): Promise<void>;
}

const MASTER_NAME = 'primary';

// When all three stand for election at one time each votes for itself, and nothing happens for twice the fail-over timeout. That is
// one fail-over in 25. So two suspect the master first, and the others, who are later, only vote.
const CANDIDATES = 2;

/** Starts the nodes, then the Sentinels, and resolves when it is healthy. */
export async function startSentinel(options: SentinelOptions = {}): Promise<RedisSentinel> {
  const { replicas = 2, sentinels: count = 3, password, sentinelPassword } = options;
  const args = nodeArguments(options);
  return startTogether(async (start) => {
    const master = await start({ password, args });
    const replica = () => start({ password, args: [...args, ...follow(master.port)] });
    const nodes = [master, ...(await Promise.all(Array.from({ length: replicas }, replica)))];
    // A Sentinel asks the master for its replicas once and then only every 10 s.
    await eventually(
      async () => (await master.cli('INFO', 'replication')).match(/state=online/g)?.length === replicas || replicas === 0,
    );
    const starting = Array.from({ length: count }, (_, index) => {
      const config = sentinelConfig(master.port, index, options);
      return start({ password: sentinelPassword, args: ['--sentinel'], config });
    });
    const sentinels = await Promise.all(starting);
    const topology = topologyOf(nodes, sentinels, options);
    await topology.healthy();
    return topology;
  });
}

function topologyOf(nodes: readonly RedisServer[], sentinels: readonly RedisServer[], options: SentinelOptions): RedisSentinel {
  const { servers: _, ...set } = serverSet([...nodes, ...sentinels]);
  const portsOf = (servers: readonly RedisServer[]) => servers.map(({ port }) => port);
  const view = sentinelView({
    masterName: MASTER_NAME,
    sentinels: portsOf(sentinels),
    ports: portsOf(nodes),
    password: options.password,
    sentinelPassword: options.sentinelPassword,
    up: (port) => set.up().includes(port),
  });
  const sentinelsUp = () => sentinels.filter(({ port }) => set.up().includes(port));
  const someSentinel = () => {
    const [found] = sentinelsUp();
    if (found === undefined) throw new Error('no Sentinel is up');
    return found;
  };
  // A Sentinel in a hurry demotes the old master at once, which cuts everybody's link to it. A leader that is about to switch over
  // that link then reconnects too late, takes the new master for dead and fails over again.
  const nobodyFailsOver = async () => {
    const seen = await Promise.all(sentinelsUp().map((sentinel) => sentinel.cli('SENTINEL', 'MASTER', MASTER_NAME)));
    return seen.every((master) => !master.includes('failover_in_progress'));
  };
  /** How often they look at the nodes and tell each other, ms. */
  const pace = (info: string, publish: string) =>
    // Settled, because Redis 6 cannot be hurried.
    Promise.allSettled(
      sentinelsUp().map((sentinel) => sentinel.cli('SENTINEL', 'DEBUG', 'info-period', info, 'publish-period', publish)),
    );

  return {
    ...view,
    ...set,
    [Symbol.asyncDispose]: set.stop,
    nodes,
    async restart(port) {
      const server = set.server(port);
      if (!nodes.includes(server)) return server.restart();
      const address = await someSentinel().cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME);
      const master = Number(address.split('\n')[1]);
      await server.restart(...(master === port ? ['--replicaof', 'no', 'one'] : follow(master)));
    },
    async failover() {
      const before = await view.master();
      const asked = someSentinel();
      // Refused while the fail-over before it has not ended everywhere.
      await eventually(() => asked.cli('SENTINEL', 'FAILOVER', MASTER_NAME), { within: 10_000, every: 100 });
      return view.waitForMaster({ otherThan: before });
    },
    async healthy({ within = 25_000 } = {}) {
      const deadline = performance.now() + within;
      await eventually(nobodyFailsOver, { within, every: 25 });
      await pace('500', '250');
      // Back to Redis' own pace, because tests measure what clients see at it.
      await view.healthy({ within: deadline - performance.now() }).finally(() => pace('10000', '2000'));
    },
    async flush() {
      await view.cli(await view.master(), 'FLUSHALL');
    },
  };
}

const follow = (port: number) => ['--replicaof', '127.0.0.1', String(port)];

function nodeArguments({ password, minReplicasToWrite, args = [] }: SentinelOptions): string[] {
  // Any node may become a replica.
  const auth = password === undefined ? [] : ['--masterauth', password];
  const guard = ['--min-replicas-to-write', String(minReplicasToWrite), '--min-replicas-max-lag', '2'];
  return [...auth, ...(minReplicasToWrite === undefined ? [] : guard), ...args];
}

function sentinelConfig(port: number, index: number, options: SentinelOptions): string[] {
  const { sentinels = 3, downAfter = 1_000, failoverTimeout = 2_000, password, sentinelPassword } = options;
  const suspectAfter = index < CANDIDATES ? downAfter : downAfter + 1_000;
  return [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${port} ${Math.min(CANDIDATES, sentinels)}`,
    `sentinel down-after-milliseconds ${MASTER_NAME} ${suspectAfter}`,
    `sentinel failover-timeout ${MASTER_NAME} ${failoverTimeout}`,
    // All at once, so that no replica waits for another one's turn.
    `sentinel parallel-syncs ${MASTER_NAME} 10`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${MASTER_NAME} ${password}`]),
    ...(sentinelPassword === undefined ? [] : [`sentinel sentinel-pass ${sentinelPassword}`]),
  ];
}
