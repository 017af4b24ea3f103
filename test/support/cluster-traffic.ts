import type { ClusterView } from './cluster-view.js';
import { callsPerCommand, parseInfo } from './info.js';

/** What one node has received. */
export interface NodeTraffic {
  /** Calls per command, those inside of scripts and, on a replica, those of its master included. */
  readonly commands: ReadonlyMap<string, number>;
  /**
   * How often the node had something to read from a client: the round trips, for clients that wait for their replies. What is sent
   * at one time and is longer than 16 KB takes several.
   */
  readonly reads: number;
}

/** Every node that is up, by port, since it started. */
export async function commandCounts(cluster: ClusterView, up: readonly number[]): Promise<Map<number, NodeTraffic>> {
  const all = up.map(async (port) => [port, parse(await cluster.cli(port, 'INFO', 'all'))] as const);
  return new Map(await Promise.all(all));
}

function parse(text: string): NodeTraffic {
  const info = parseInfo(text);
  const commands = callsPerCommand(info);
  // What replicas report once a second is no client's round trip.
  const reads = Number(info.get('total_reads_processed')) - (commands.get('replconf') ?? 0);
  return { commands, reads };
}

// One look at a node: the command itself is one read, the end of its connection another.
const READS_OF_A_LOOK = 2;
const OWN_COMMANDS = ['info', 'auth', 'replconf', 'ping'];

/** What came between two looks, without the looks themselves and without commands that were not called. */
export function trafficBetween(before: Map<number, NodeTraffic>, after: Map<number, NodeTraffic>): Map<number, NodeTraffic> {
  const changes = [...after].map(([port, { commands, reads }]) => {
    const old = before.get(port) ?? { commands: new Map<string, number>(), reads: 0 };
    const calls = [...commands].map(([name, count]) => [name, count - (old.commands.get(name) ?? 0)] as const);
    const called = calls.filter(([name, count]) => count !== 0 && !OWN_COMMANDS.includes(name));
    return [port, { commands: new Map(called), reads: reads - old.reads - READS_OF_A_LOOK }] as const;
  });
  return new Map(changes);
}
