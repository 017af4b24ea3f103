import type { ClusterView } from './cluster-view.js';
import { eventually } from './eventually.js';
import { callsPerCommand, parseInfo } from './info.js';
import { openConnection, print } from './resp.js';

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

export type Traffic = ReadonlyMap<number, NodeTraffic>;

/** Every node that is up, by port, since it started. */
export async function commandCounts(cluster: ClusterView, up: readonly number[]): Promise<Traffic> {
  const all = up.map(async (port) => [port, parse(await cluster.cli(port, 'INFO', 'all'))] as const);
  return new Map(await Promise.all(all));
}

/**
 * What each node received while `action` ran. The looks are on connections that stand before and after, so that each of them is one
 * read; and the first is taken when nothing else comes any more, since the ends of earlier connections are reads too, and may come late.
 */
export async function trafficOf({ password }: ClusterView, up: readonly number[], action: () => unknown): Promise<Traffic> {
  const lines = up.map((port) => [port, openConnection(port, { password })] as const);
  const look = async (): Promise<Traffic> => {
    const all = lines.map(async ([port, line]) => [port, parse(print(await line.send('INFO', 'all')))] as const);
    return new Map(await Promise.all(all));
  };
  try {
    let before = await look();
    await eventually(
      async () => {
        const earlier = before;
        before = await look();
        const busy = [...between(earlier, before)].filter(([, { reads }]) => reads > 0);
        if (busy.length > 0) throw new Error(`there is traffic on ${busy.map(([port]) => port).join(', ')}`);
      },
      { within: 10_000, every: 30 },
    );
    await action();
    return between(before, await look());
  } finally {
    for (const [, line] of lines) line.close();
  }
}

/** The least of each node's reads. What others send can only add to them. */
export function leastReads(tries: readonly Traffic[]): Map<number, number> {
  const ports = [...(tries[0]?.keys() ?? [])];
  return new Map(ports.map((port) => [port, Math.min(...tries.map((traffic) => traffic.get(port)?.reads ?? 0))]));
}

function parse(text: string): NodeTraffic {
  const info = parseInfo(text);
  const commands = callsPerCommand(info);
  // What replicas report once a second is no client's round trip.
  const reads = Number(info.get('total_reads_processed')) - (commands.get('replconf') ?? 0);
  return { commands, reads };
}

const OWN_COMMANDS = ['info', 'auth', 'replconf', 'ping'];

/** What came between two looks, without the later one itself and without commands that were not called. */
function between(before: Traffic, after: Traffic): Map<number, NodeTraffic> {
  const changes = [...after].map(([port, { commands, reads }]) => {
    const old = before.get(port) ?? { commands: new Map<string, number>(), reads: 0 };
    const calls = [...commands].map(([name, count]) => [name, count - (old.commands.get(name) ?? 0)] as const);
    const called = calls.filter(([name, count]) => count !== 0 && !OWN_COMMANDS.includes(name));
    return [port, { commands: new Map(called), reads: reads - old.reads - 1 }] as const;
  });
  return new Map(changes);
}
