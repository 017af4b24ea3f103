import type { ClusterView } from './cluster-view.js';

/** A slot on its way from one master to another, as resharding does it, step by step. */
export interface SlotMove {
  readonly slot: number;
  /** Ports. */
  readonly from: number;
  readonly to: number;
  /** Moves up to `count` keys, default all there are, and resolves to how many. */
  migrate(count?: number): Promise<number>;
  /** Gives the slot to its new owner, on every master that is up. Fails while the old one still holds keys of it. */
  finish(): Promise<void>;
}

const BATCH = 100;

/**
 * Marks the slot as importing and migrating and moves nothing yet: from here the old owner answers ASK for the keys it does not
 * have, and new keys land at the new one.
 */
export async function beginMove(cluster: ClusterView, slot: number, to: number): Promise<SlotMove> {
  const { cli } = cluster;
  const masters = await cluster.masters();
  const source = masters.find(({ slots }) => slots.some(([first, last]) => first <= slot && slot <= last));
  if (source === undefined) throw new Error(`nobody who is up owns slot ${slot}`);
  const from = source.port;
  if (from === to) throw new Error(`slot ${slot} is on port ${to} already`);
  const [fromId, toId] = [source.id, await cli(to, 'CLUSTER', 'MYID')];
  const number = String(slot);
  await cli(to, 'CLUSTER', 'SETSLOT', number, 'IMPORTING', fromId);
  await cli(from, 'CLUSTER', 'SETSLOT', number, 'MIGRATING', toId);
  const auth = cluster.password === undefined ? [] : ['AUTH', cluster.password];

  return {
    slot,
    from,
    to,
    async migrate(count = Number.POSITIVE_INFINITY) {
      let moved = 0;
      let stuck = 0;
      while (moved < count) {
        const listed = await cli(from, 'CLUSTER', 'GETKEYSINSLOT', number, String(Math.min(count - moved, BATCH)));
        if (listed === '') break;
        const keys = listed.split('\n');
        const reply = await cli(from, 'MIGRATE', '127.0.0.1', String(to), '', '0', '5000', ...auth, 'KEYS', ...keys);
        // Keys may expire or be deleted between the two commands, but not for ever.
        if (reply === 'NOKEY' && ++stuck > 100) throw new Error(`MIGRATE does not find ${keys[0]} and others of slot ${slot}`);
        if (reply === 'OK') moved += keys.length;
      }
      return moved;
    },
    async finish() {
      // The new owner first: were it last, the old one would send clients to a node that sends them back.
      const others = (await cluster.masters()).map(({ port }) => port).filter((port) => port !== from && port !== to);
      for (const port of [to, from, ...others]) await cli(port, 'CLUSTER', 'SETSLOT', number, 'NODE', toId);
    },
  };
}
