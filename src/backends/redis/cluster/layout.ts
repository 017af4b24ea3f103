import type { Reply } from '../connection.js';
import type { Address } from '../driver.js';

/** What one node says about the whole cluster. Addresses are as announced. */
export interface Layout {
  /** Grows with every fail-over and every slot that changes hands, and spreads by gossip: a lower one is older news. */
  readonly epoch: number;
  /** What the node that was asked thinks of the cluster: it serves at all. */
  readonly serving: boolean;
  readonly ranges: readonly SlotRange[];
}

export interface SlotRange {
  readonly first: number;
  /** Included. */
  readonly last: number;
  readonly master: Address;
  readonly replicas: readonly Address[];
}

/** Reads CLUSTER INFO and CLUSTER SLOTS as told by the node that was asked at `asked`. */
export function readLayout(info: Reply | undefined, slots: Reply, asked: Address): Layout {
  const fields = readFields(info);
  return {
    epoch: epochIn(fields),
    serving: fields.get('cluster_state') !== 'fail',
    ranges: (slots as readonly (readonly Reply[])[]).map(([first, last, master, ...replicas]) => ({
      first: Number(first),
      last: Number(last),
      master: readNode(master, asked),
      replicas: replicas.map((replica) => readNode(replica, asked)),
    })),
  };
}

/** The epoch in a reply to CLUSTER INFO; 0 where it tells of none. */
export function readEpoch(info: Reply): number {
  return epochIn(readFields(info));
}

function readFields(info: Reply | undefined): ReadonlyMap<string, string> {
  const lines = String(info ?? '').split(/\r?\n/);
  return new Map(lines.map((line) => line.split(':') as [string, string]));
}

function epochIn(fields: ReadonlyMap<string, string>): number {
  return Number(fields.get('cluster_current_epoch') ?? 0);
}

/** A host that is null or empty is the one we asked; `?` is a host name that the node should announce and does not know. */
function readNode(node: Reply | undefined, asked: Address): Address {
  const [endpoint, port, , metadata] = node as readonly [Buffer | null, number | Buffer, Buffer, (readonly Buffer[])?];
  const host = endpoint === null ? '' : String(endpoint);
  if (host !== '' && host !== '?') return { host, port: Number(port) };
  const ip = metadata?.findIndex((name) => String(name) === 'ip') ?? -1;
  const known = host === '?' && ip >= 0 ? String(metadata?.[ip + 1] ?? '') : '';
  return { host: known === '' ? asked.host : known, port: Number(port) };
}
