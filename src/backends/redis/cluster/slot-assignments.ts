import { slotCount } from '../slots.js';
import type { SlotMap } from './slot-map.js';

/**
 * Sees whether keys come to be served by another node than the one that served them last. A slot that nobody serves for a while is
 * compared with who had it before.
 */
export class SlotAssignments {
  readonly #changed: () => void;
  readonly #owners: (string | undefined)[] = new Array(slotCount).fill(undefined);
  /** Slots on their way, each with the node that some of its keys are at already. */
  readonly #shared = new Map<number, string>();
  #epoch: number | undefined;
  #count = 0;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** How often there was a change. */
  get count(): number {
    return this.#count;
  }

  /** Before the map is in force. */
  take(map: SlotMap): void {
    let isOther = false;
    for (let slot = 0; slot < slotCount; slot++) isOther = this.#move(slot, map.ownerOf(slot)) || isOther;
    // With the same owners and a higher number, slots may have been taken from one of them and given back.
    if (this.#epoch !== undefined && map.epoch !== this.#epoch) isOther = true;
    this.#epoch = map.epoch;
    if (isOther) this.#tell();
  }

  give(slot: number, node: string): void {
    if (this.#move(slot, node)) this.#tell();
  }

  share(slot: number, node: string): void {
    if (this.#shared.get(slot) === node) return;
    this.#shared.set(slot, node);
    this.#tell();
  }

  #move(slot: number, node: string | undefined): boolean {
    const before = this.#owners[slot];
    if (node === undefined || node === before) return false;
    this.#owners[slot] = node;
    this.#shared.delete(slot);
    return before !== undefined;
  }

  #tell(): void {
    this.#count++;
    this.#changed();
  }
}
