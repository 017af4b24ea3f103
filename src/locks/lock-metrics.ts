import type { Emitter } from '../events.js';
import type { LockStats } from '../lock.js';
import { DurationHistogram } from './histogram.js';

type Counts = { -readonly [Name in 'acquired' | 'contended' | 'timedOut' | 'lost' | 'released' | 'skipped']: number };

/** Counts what becomes of locks, and tells it to whoever listens. */
export class LockMetrics {
  readonly #events: Emitter;
  readonly #counts: Counts = { acquired: 0, contended: 0, timedOut: 0, lost: 0, released: 0, skipped: 0 };
  readonly #waitTime = new DurationHistogram();
  readonly #holdTime = new DurationHistogram();

  constructor(events: Emitter) {
    this.#events = events;
  }

  acquired(resource: string, fencingToken: number, waited: number): void {
    this.#counts.acquired += 1;
    this.#waitTime.add(waited);
    if (this.#events.heard['lock:acquired']) this.#events.emit('lock:acquired', { resource, fencingToken, waited });
  }

  contended(resource: string): void {
    this.#counts.contended += 1;
    if (this.#events.heard['lock:contended']) this.#events.emit('lock:contended', { resource });
  }

  timedOut(resource: string, waited: number): void {
    this.#counts.timedOut += 1;
    if (this.#events.heard['lock:timeout']) this.#events.emit('lock:timeout', { resource, waited });
  }

  lost(resource: string, fencingToken: number, held: number, error: unknown): void {
    this.#counts.lost += 1;
    this.#holdTime.add(held);
    if (this.#events.heard['lock:lost']) this.#events.emit('lock:lost', { resource, fencingToken, error });
  }

  released(resource: string, fencingToken: number, held: number): void {
    this.#counts.released += 1;
    this.#holdTime.add(held);
    if (this.#events.heard['lock:released']) this.#events.emit('lock:released', { resource, fencingToken, held });
  }

  skipped(resource: string, scope: 'process' | 'none', error: unknown): void {
    this.#counts.skipped += 1;
    if (this.#events.heard['lock:skipped']) this.#events.emit('lock:skipped', { resource, scope, error });
  }

  read(held: number, waiting: number): LockStats {
    return { ...this.#counts, held, waiting, waitTime: this.#waitTime.read(), holdTime: this.#holdTime.read() };
  }
}
