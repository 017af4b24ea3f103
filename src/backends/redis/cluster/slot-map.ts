import { slotCount } from '../slots.js';

/** Who serves which slot. Nodes are named by the text of the address at which they are reached. */
export class SlotMap {
  readonly epoch: number;
  readonly #owners: (string | undefined)[] = new Array(slotCount).fill(undefined);
  readonly #counts = new Map<string, number>();

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  give(slot: number, node: string): void {
    const before = this.#owners[slot];
    if (before === node) return;
    this.#owners[slot] = node;
    this.#counts.set(node, this.slotsOf(node) + 1);
    if (before !== undefined) this.#counts.set(before, this.slotsOf(before) - 1);
  }

  ownerOf(slot: number): string | undefined {
    return this.#owners[slot];
  }

  /** Every node that serves a slot. */
  masters(): string[] {
    return [...this.#counts].flatMap(([node, count]) => (count > 0 ? [node] : []));
  }

  slotsOf(node: string): number {
    return this.#counts.get(node) ?? 0;
  }

  /** How many slots are served by nodes that `isGood`. */
  served(isGood: (node: string) => boolean): number {
    let served = 0;
    for (const [node, count] of this.#counts) if (count > 0 && isGood(node)) served += count;
    return served;
  }
}
