import { eventually } from './eventually.js';
import type { ClusterNode, RedisCluster } from './redis-cluster.js';

const SLOTS = 16_384;
// Discovery goes by the node timeout, so it runs with a short one whatever the cluster is to have in the end.
const TIMEOUT_MEANWHILE = 1_000;

/** Makes one healthy cluster of nodes that do not know each other. Replicas are dealt to the masters in turn. */
export async function assembleCluster(cluster: RedisCluster, nodeTimeout: number): Promise<void> {
  const { nodes, cli } = cluster;
  const masters = nodes.filter(({ role }) => role === 'master');
  const replicas = nodes.filter(({ role }) => role === 'replica');
  const setTimeoutOfAll = (ms: number) =>
    Promise.all(nodes.map(({ port }) => cli(port, 'CONFIG', 'SET', 'cluster-node-timeout', String(ms))));

  await setTimeoutOfAll(TIMEOUT_MEANWHILE);
  await Promise.all(masters.map((master, index) => giveSlots(cluster, master, index, masters.length)));
  const [first, ...others] = nodes.map(({ port }) => port);
  for (const port of others) await cli(first as number, 'CLUSTER', 'MEET', '127.0.0.1', String(port));
  await eventually(
    async () => {
      const views = await Promise.all(nodes.map(({ port }) => cli(port, 'CLUSTER', 'NODES')));
      return views.every(
        (view) => view.split('\n').filter((line) => line !== '').length === nodes.length && !view.includes('handshake'),
      );
    },
    { within: 15_000 },
  );
  await Promise.all(replicas.map((replica, index) => follow(cluster, replica, masters[index % masters.length] as ClusterNode)));
  await cluster.healthy();
  await setTimeoutOfAll(nodeTimeout);
}

async function giveSlots({ cli }: RedisCluster, { port }: ClusterNode, index: number, count: number): Promise<void> {
  const first = Math.ceil((index * SLOTS) / count);
  const end = Math.ceil(((index + 1) * SLOTS) / count);
  // Not ADDSLOTSRANGE, which Redis 6 does not have.
  await cli(port, 'CLUSTER', 'ADDSLOTS', ...Array.from({ length: end - first }, (_, offset) => String(first + offset)));
  // Distinct from the start; else the masters would first have to settle who moves out of a shared epoch.
  await cli(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
}

async function follow({ cli }: RedisCluster, replica: ClusterNode, master: ClusterNode): Promise<void> {
  const id = await cli(master.port, 'CLUSTER', 'MYID');
  // Refused until the replica has heard that the other one is a master.
  await eventually(() => cli(replica.port, 'CLUSTER', 'REPLICATE', id));
}
