import type { BusHealth, BusStats } from '../cache.js';
import type { Bus } from '../coherence/bus.js';

export interface PeersSettings {
  readonly bus: Bus;
  /** Of this process's own messages. */
  readonly origin: string;
  /** ms. */
  readonly maxStaleness: number;
}

/** What other processes tell this one, and whether it can be sure to hear it. */
export interface Peers {
  readonly maxStaleness: number;
  /** Settles when it is known for the first time whether L1 can be trusted. */
  ready(): Promise<void>;
  health(): BusHealth;
  stats(): BusStats;
  close(): Promise<void>;
}
