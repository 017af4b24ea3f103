import type { Clock, Timer } from '../clock.js';
import type { LockNode, Renewal } from './node.js';

/** What can be renewed. */
export interface Renewable {
  /** Undefined when there is nothing to renew any more. */
  beginRenewal(): RenewalRound | undefined;
}

/** A request for a new life that goes to all nodes, and counts what they say. */
export interface RenewalRound extends Renewal {
  readonly deadline: number;
  heard(reply: boolean | Error): void;
}

/** So many in one round trip: more would make others wait for their replies. */
const batchSize = 500;
/** Renewals that are due within so small a part of a TTL go together. */
const grain = 1 / 60;

/** Renews what is held, at a third of its TTL; whatever is due at about the same time by one request to each node. */
export class Renewals {
  readonly #clock: Clock;
  readonly #nodes: readonly LockNode[];
  readonly #due = new Map<number, { readonly locks: Set<Renewable>; readonly timer: Timer }>();

  constructor(clock: Clock, nodes: readonly LockNode[]) {
    this.#clock = clock;
    this.#nodes = nodes;
  }

  /** Returns what takes it off again. */
  add(lock: Renewable, at: number, ttl: number): () => void {
    const width = Math.max(1, Math.floor(ttl * grain));
    const moment = Math.floor(at / width) * width;
    let batch = this.#due.get(moment);
    if (batch === undefined) {
      const timer = this.#clock.schedule(Math.max(0, moment - this.#clock.monotonic()), () => this.#begin(moment));
      batch = { locks: new Set(), timer };
      this.#due.set(moment, batch);
    }
    batch.locks.add(lock);
    return () => {
      if (!batch.locks.delete(lock) || batch.locks.size > 0) return;
      batch.timer.cancel();
      if (this.#due.get(moment) === batch) this.#due.delete(moment);
    };
  }

  #begin(moment: number): void {
    const locks = [...(this.#due.get(moment)?.locks ?? [])];
    this.#due.delete(moment);
    this.renew(locks);
  }

  /** Now. */
  renew(locks: readonly Renewable[]): void {
    const rounds = locks.flatMap((lock) => lock.beginRenewal() ?? []);
    for (let from = 0; from < rounds.length; from += batchSize) this.send(rounds.slice(from, from + batchSize));
  }

  send(rounds: readonly RenewalRound[]): void {
    const deadline = Math.max(...rounds.map((round) => round.deadline));
    for (const node of this.#nodes) {
      node.renew(rounds, deadline).then(
        (replies) => {
          for (const [index, round] of rounds.entries()) round.heard(replies[index] ?? false);
        },
        (error: Error) => {
          for (const round of rounds) round.heard(error);
        },
      );
    }
  }
}
