import type { SlotSighting } from './slot-sighting.js';

/** A node's scan, from before its first step until after its last one. Moments are numbers that grow. */
interface Scan {
  readonly node: string;
  readonly from: number;
  readonly to: number;
}

interface Step {
  readonly node: string;
  /** When it was first seen that all keys of the slot were here. */
  settledAt: number | undefined;
}

/**
 * Works out which nodes must still be scanned so that no key is missed, although slots move meanwhile. A slot's keys go one way, from
 * the node that gives it to the one that gets it. A key that stays at the first while that is scanned is found there; any other one
 * is at the second by then, and is found if the second is scanned from the end of that scan on.
 */
export class SlotTrails {
  /** Of slots that moved; all others stay where they were first seen. */
  readonly #trails = new Map<number, Step[]>();
  readonly #scans: Scan[] = [];
  #first: SlotSighting['owners'] | undefined;
  #now = 0;

  seen({ owners, moving }: Pick<SlotSighting, 'owners' | 'moving'>): void {
    const at = this.#now++;
    this.#first ??= owners;
    for (const [slot, owner] of owners.entries()) {
      const path = moving.get(slot);
      if (path === undefined && owner === this.#first[slot] && !this.#trails.has(slot)) continue;
      this.#extend(this.#trailOf(slot), path ?? (owner === undefined ? [] : [owner]), at);
    }
  }

  /** A scan begins; the moment is for `scanned`. */
  begin(): number {
    return this.#now++;
  }

  scanned(node: string, from: number): void {
    this.#scans.push({ node, from, to: this.#now++ });
  }

  /** Of the nodes that have keys now, those that must be scanned, again or for the first time. */
  missing(nodes: ReadonlySet<string>): Set<string> {
    const scanned = new Set(this.#scans.map(({ node }) => node));
    const missing = new Set([...nodes].filter((node) => !scanned.has(node)));
    for (const trail of this.#trails.values()) {
      const node = this.#nextOf(trail, nodes);
      if (node !== undefined) missing.add(node);
    }
    return missing;
  }

  #trailOf(slot: number): Step[] {
    let trail = this.#trails.get(slot);
    if (trail === undefined) {
      const owner = this.#first?.[slot];
      trail = owner === undefined ? [] : [{ node: owner, settledAt: 0 }];
      this.#trails.set(slot, trail);
    }
    return trail;
  }

  #extend(trail: Step[], path: readonly string[], at: number): void {
    // What is already known of the way is not gone again: [a, b] seen twice is one move.
    const known = path.lastIndexOf(trail.at(-1)?.node ?? '');
    for (const node of path.slice(known + 1)) trail.push({ node, settledAt: undefined });
    const last = trail.at(-1);
    if (path.length === 1 && last !== undefined) last.settledAt ??= at;
  }

  #nextOf(trail: readonly Step[], nodes: ReadonlySet<string>): string | undefined {
    let covered = Number.NEGATIVE_INFINITY;
    for (const [index, { node }] of trail.entries()) {
      const scan = this.#scans.find((each) => each.node === node && each.from >= covered);
      if (scan !== undefined) covered = scan.to;
      else if (nodes.has(node)) return node;
      // It has no keys any more: they are where the slot was seen whole.
      else covered = Math.max(covered, trail[index + 1]?.settledAt ?? covered);
    }
    return undefined;
  }
}
