import { ownLine, parseNodes } from './cluster-nodes.js';
import type { ClusterView } from './cluster-view.js';
import { eventually } from './eventually.js';

/**
 * Gives this master the highest epoch, and resolves when every node knows. A replica that had it already would take over with it, and
 * the epoch would tell of nothing.
 */
export async function raiseEpoch({ ports, cli }: ClusterView, port: number): Promise<void> {
  await cli(port, 'CLUSTER', 'BUMPEPOCH');
  const { id, configEpoch } = ownLine(parseNodes(await cli(port, 'CLUSTER', 'NODES')));
  await eventually(
    async () => {
      const views = await Promise.all(ports.map(async (each) => parseNodes(await cli(each, 'CLUSTER', 'NODES'))));
      return views.every((nodes) => nodes.find((node) => node.id === id)?.configEpoch === configEpoch);
    },
    { within: 10_000 },
  );
}
