import type { Epochs } from '../coherence/epochs.js';
import type { Space } from '../entries/labels.js';

/**
 * The check that an operation that began before an invalidation stores nothing after it, within this process.
 *
 * Every load, L2 read, fill and write opens a ticket for its key before its command is sent and closes it when the reply is
 * handled. An invalidation marks what is open under the key: such an operation still answers those who wait for it, but stores
 * nothing and takes no new joiners.
 */
export class Fence {
  readonly #slots = new Map<string, Slot>();
  readonly #trust: Epochs;
  #epoch = 0;

  constructor(trust: Epochs) {
    this.#trust = trust;
  }

  open(key: string, space: Space): Ticket {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = { marks: 0, open: 0 };
      this.#slots.set(key, slot);
    }
    slot.open += 1;
    return {
      key,
      slot,
      space,
      marks: slot.marks,
      generation: space.generation,
      epoch: this.#epoch,
      trust: this.#trust.current,
    };
  }

  /** Closing twice is harmless. A closed ticket hears of nothing any more, so it counts as marked. */
  close(ticket: Ticket): void {
    if (ticket.marks === CLOSED) return;
    ticket.marks = CLOSED;
    ticket.slot.open -= 1;
    if (ticket.slot.open === 0) this.#slots.delete(ticket.key);
  }

  /** For an operation that begins only now, whatever was acknowledged before. Says whether the ticket was marked. */
  renew(ticket: Ticket): boolean {
    const marked = this.isMarked(ticket);
    if (ticket.marks !== CLOSED) {
      ticket.marks = ticket.slot.marks;
      ticket.generation = ticket.space.generation;
      ticket.epoch = this.#epoch;
      ticket.trust = this.#trust.current;
    }
    return marked;
  }

  /** Marks everything that is open under the key. */
  mark(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) slot.marks += 1;
  }

  /** Marks everything that is open: for patterns, where looking for the keys would cost more than a few extra misses. */
  markAll(): void {
    this.#epoch += 1;
  }

  isMarked(ticket: Ticket): boolean {
    return ticket.marks !== ticket.slot.marks || ticket.generation !== ticket.space.generation || ticket.epoch !== this.#epoch;
  }

  /** How many keys have something open; 0 at rest. */
  get size(): number {
    return this.#slots.size;
  }
}

const CLOSED = -1;

export interface Ticket {
  readonly key: string;
  readonly slot: Slot;
  readonly space: Space;
  marks: number;
  /** Of the space: clearing it marks whatever is open there. */
  generation: number;
  epoch: number;
  /** The epoch of trust in which the operation began: what it brings may be served in that one only. */
  trust: number;
}

interface Slot {
  /** Grows with each invalidation, so that marking costs the same however many tickets are open. */
  marks: number;
  open: number;
}
