import type { Epochs } from '../coherence/epochs.js';

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

  open(key: string): Ticket {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = { generation: 0, open: 0 };
      this.#slots.set(key, slot);
    }
    slot.open += 1;
    return { key, slot, generation: slot.generation, epoch: this.#epoch, trust: this.#trust.current };
  }

  /** Closing twice is harmless. A closed ticket hears of nothing any more, so it counts as marked. */
  close(ticket: Ticket): void {
    if (ticket.generation === CLOSED) return;
    ticket.generation = CLOSED;
    ticket.slot.open -= 1;
    if (ticket.slot.open === 0) this.#slots.delete(ticket.key);
  }

  /** For an operation that begins only now, whatever was acknowledged before. Says whether the ticket was marked. */
  renew(ticket: Ticket): boolean {
    const marked = this.isMarked(ticket);
    if (ticket.generation !== CLOSED) {
      ticket.generation = ticket.slot.generation;
      ticket.epoch = this.#epoch;
      ticket.trust = this.#trust.current;
    }
    return marked;
  }

  /** Marks everything that is open under the key. */
  mark(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) slot.generation += 1;
  }

  /** Marks everything that is open: for clear and patterns, where looking for the keys would cost more than a few extra misses. */
  markAll(): void {
    this.#epoch += 1;
  }

  isMarked(ticket: Ticket): boolean {
    return ticket.generation !== ticket.slot.generation || ticket.epoch !== this.#epoch;
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
  generation: number;
  epoch: number;
  /** The epoch of trust in which the operation began: what it brings may be served in that one only. */
  trust: number;
}

interface Slot {
  /** Grows with each invalidation, so that marking costs the same however many tickets are open. */
  generation: number;
  open: number;
}
