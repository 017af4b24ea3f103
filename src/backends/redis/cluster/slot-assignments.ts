import { slotCount } from '../slots.js';
import type { SlotMap } from './slot-map.js';

/**
 * Sees which keys come to be served by another node than the one that served them last. A slot that nobody serves for a while is compared
 * with who had it before.
 */
export class SlotAssignments {
  readonly #reassigned: (slots: ReadonlySet<number>) => void;
  readonly #owners: (string | undefined)[] = new Array(slotCount).fill(undefined);
  /** Slots on their way, each with the node that some of its keys are at already. */
  readonly #shared = new Map<number, string>();
  #epoch: number | undefined;
  #count = 0;

  constructor(reassigned: (slots: ReadonlySet<number>) => void) {
    this.#reassigned = reassigned;
  }

  /** How often there was a change. */
  get count(): number {
    return this.#count;
  }

  /**
   * Before the map is in force. Says whether there was a change that it does not show: a slot may have been taken from a node, and given back
   * to it, since the last one.
   */
  take(map: SlotMap): boolean {
    const changed = new Set<number>();
    for (let slot = 0; slot < slotCount; slot++) if (this.#move(slot, map.ownerOf(slot))) changed.add(slot);
    if (changed.size > 0) this.#tell(changed);
    const isSuspect = this.#epoch !== undefined && map.epoch !== this.#epoch;
    this.#epoch = map.epoch;
    return isSuspect;
  }

  give(slot: number, node: string): void {
    if (this.#move(slot, node)) this.#tell(new Set([slot]));
  }

  share(slot: number, node: string): void {
    if (this.#shared.get(slot) === node) return;
    this.#shared.set(slot, node);
    this.#tell(new Set([slot]));
  }

  /** Those that it has, or a part of. */
  slotsOf(node: string): Set<number> {
    const slots = new Set<number>();
    for (let slot = 0; slot < slotCount; slot++) if (this.#owners[slot] === node) slots.add(slot);
    for (const [slot, other] of this.#shared) if (other === node) slots.add(slot);
    return slots;
  }

  #move(slot: number, node: string | undefined): boolean {
    const before = this.#owners[slot];
    if (node === undefined || node === before) return false;
    this.#owners[slot] = node;
    this.#shared.delete(slot);
    return before !== undefined;
  }

  #tell(slots: ReadonlySet<number>): void {
    this.#count++;
    this.#reassigned(slots);
  }
}
