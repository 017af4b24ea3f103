import { type NodeLine, ownLine, parseNodes } from './cluster-nodes.js';
import { parseInfo } from './info.js';

type Cli = (port: number, ...args: string[]) => Promise<string>;

const SLOTS = 16_384;
const SUSPECT = ['fail', 'fail?', 'handshake', 'noaddr', 'unknown'];

/** Rejects with what is not well among the nodes that are `up`. */
export async function checkHealth(up: readonly number[], cli: Cli): Promise<void> {
  const views = await Promise.all(
    up.map(async (port) => {
      const nodes = parseNodes(await cli(port, 'CLUSTER', 'NODES'));
      const info = parseInfo(`${await cli(port, 'CLUSTER', 'INFO')}\n${await cli(port, 'INFO', 'replication')}`);
      return { port, nodes, info };
    }),
  );
  const agreed = ownership(views[0]?.nodes ?? []);
  for (const { port, nodes, info } of views) {
    const complain = (what: string) => {
      throw new Error(`node ${port} ${what}`);
    };
    if (info.get('cluster_state') !== 'ok') complain(`says cluster_state:${info.get('cluster_state')}`);
    if (ownership(nodes) !== agreed) complain(`sees other owners of slots than node ${up[0]}: ${ownership(nodes)} | ${agreed}`);
    for (const other of up) {
      const flags = nodes.find((node) => node.port === other)?.flags ?? ['unknown'];
      if (flags.some((flag) => SUSPECT.includes(flag))) complain(`sees node ${other} as ${flags}`);
    }
    const isReplica = ownLine(nodes).flags.includes('slave');
    if (isReplica && info.get('master_link_status') !== 'up') complain('has no link to its master');
    if (isReplica !== (info.get('role') === 'slave')) complain(`is on its way to another role than ${info.get('role')}`);
  }
  const owners = (views[0]?.nodes ?? []).filter(({ slots }) => slots.length > 0);
  const covered = owners.filter(({ port }) => up.includes(port)).reduce((sum, { slots }) => sum + size(slots), 0);
  if (covered !== SLOTS) throw new Error(`${SLOTS - covered} slots are owned by nobody who is up`);
}

function ownership(nodes: readonly NodeLine[]): string {
  const owners = nodes.filter(({ slots }) => slots.length > 0);
  const lines = owners.map(({ port, slots }) => `${port}: ${slots.map((range) => range.join('-')).join(' ')}`);
  return lines.sort().join(', ');
}

const size = (slots: NodeLine['slots']) => slots.reduce((sum, [first, last]) => sum + last - first + 1, 0);
