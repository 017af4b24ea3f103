export interface CacheStats {
  /** Reads that a tier served: `l1.hits + l2.hits`. */
  readonly hits: number;
  /** Reads that no tier could serve. */
  readonly misses: number;
  /** Calls of `getOrSet` that waited for a load already running; neither hits nor misses. */
  readonly coalesced: number;
  /** Misses answered with a stale value within its grace. */
  readonly staleServed: number;
  readonly l1: TierStats;
  readonly l2: TierStats;
  readonly sets: number;
  readonly deletes: number;
  /** Entries that left L1 for want of room. */
  readonly evictions: number;
  readonly factoryRuns: number;
  readonly factoryErrors: number;
  /** Fills refused because something newer was acknowledged while the factory ran. */
  readonly refusedFills: number;
  /** Entries that could not be read and were removed. */
  readonly unreadable: number;
  /** L2 operations that failed or were not tried because the circuit was open. */
  readonly l2Errors: number;
  /** Of the bus; absent without one. */
  readonly bus?: BusStats;
  /** Entries in L1 now. */
  readonly entries: number;
  /** Estimated bytes in L1 now; 0 unless `maxBytes` is set. */
  readonly bytes: number;
}

export interface BusStats {
  /** Messages of other processes that were obeyed. */
  readonly received: number;
  /** In mode `tracking`: how often Redis itself told of changed keys; own writes are among them. */
  readonly tracked: number;
  /** Messages that were none of Tierkeep's, and ignored. */
  readonly malformed: number;
  /** Messages of a later version: everything in L1 was verified after each. */
  readonly unknown: number;
  /** How often trust in L1 was lost. */
  readonly trustLost: number;
}

export interface TierStats {
  readonly hits: number;
  readonly misses: number;
}

/** `closed` = working, `open` = not asked, `half-open` = one probe under way. */
export type CircuitState = 'closed' | 'open' | 'half-open';

export interface CacheHealth {
  /** `ok`; `degraded` = L2 is away and memory serves; `closed`. */
  readonly status: 'ok' | 'degraded' | 'closed';
  readonly tiers: readonly TierHealth[];
  /** Absent without a bus. */
  readonly bus?: BusHealth;
  /** Absent without an L2 that can fail. */
  readonly circuit?: { readonly state: CircuitState; readonly since: number; readonly lastError?: string };
  /** How many keys wait to be written behind; absent where none ever are. */
  readonly unwritten?: number;
  /** What this process changed and L2 has not acknowledged yet. Absent without an L2 that can fail. */
  readonly journal?: JournalHealth;
}

export interface JournalHealth {
  /** How many keys, tags, namespaces and patterns are to be invalidated in L2 as soon as it takes it. They are not read from it until then. */
  readonly names: number;
  /** It was to hold more names than it may, so the whole cache will be invalidated instead. */
  readonly overflowed: boolean;
  /** When the oldest was noted, ms since the epoch. */
  readonly since?: number;
  /** Why the last try to deliver them failed. */
  readonly lastError?: string;
}

export interface BusHealth {
  /** Whether copies in L1 are served without asking L2, because this process is known to hear of every invalidation. */
  readonly trusted: boolean;
  /** ms since the epoch. */
  readonly since: number;
  /** Why not. */
  readonly reason?: string;
}

export interface TierHealth {
  /** `memory`, `redis` or the custom tier's name. */
  readonly name: string;
  readonly tier: 'l1' | 'l2';
  readonly state: 'ready' | 'connecting' | 'down' | 'closed';
}
