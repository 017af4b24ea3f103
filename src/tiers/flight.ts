import type { OutagePolicy } from '../cache.js';
import type { Entry } from '../entries/entry.js';
import type { Space } from '../entries/labels.js';
import type { Upkeep } from './call-options.js';
import type { TracedLoad } from './circular-loads.js';
import type { Ticket } from './fence.js';
import type { TierName } from './found.js';

/** One running load of one key in this process. */
export interface Flight extends TracedLoad {
  /** Open until the load has stored what it will store, or may store nothing any more. */
  readonly ticket: Ticket;
  /** When it began, on the monotonic clock. */
  readonly startedAt: number;
  /** Whether it was started to replace even a fresh value. */
  readonly forced: boolean;
  readonly outage: OutagePolicy;
  /** All that was learnt of versions when it began, and how many tags had been invalidated and namespaces cleared. */
  readonly learnt: number;
  readonly bumps: number;
  readonly clears: number;
  /** Settles as the load does, however long that takes. */
  readonly done: Promise<unknown>;
  /**
   * Settles as the load does, or before: with the stand-in as soon as that is enough for whom it was started, or at the hard time-out with the
   * stand-in or a `FactoryTimeoutError`.
   */
  readonly answer: Promise<unknown>;
  readonly patience: Patience;
  /** Whether what it found is counted: once, for whom it was started. What is started for nobody is nobody's hit or miss. */
  isCounted: boolean;
  /** The stamp of a fresh entry that it is to replace ahead of time: only one that is fresh and another will do instead. */
  refreshed: string | undefined;
  /** When `answer` settles at the latest, on the monotonic clock. */
  readonly answersBy: number;
  /** Aborts at the hard time-out and at close. */
  readonly signal: AbortSignal;
  /** The stale entry that may answer when the factory cannot, and where it was found. */
  standIn: Entry | undefined;
  standInTier: TierName;
  /** Those for whom it was started have the stand-in already, and the load goes on. */
  inBackground: boolean;
  /** The hard time-out has passed, the load still runs. */
  overdue: boolean;
  /** Told when it begins to wait for another process's load, and when it goes on. */
  readonly onWaiting: ((waits: boolean) => void) | undefined;
  /** Called when there is another stand-in: it may be enough for somebody. */
  readonly onOffer: Set<() => void>;
  /** Called when it is given up: overdue for a whole hard time-out, the cache was closed, or it failed with its lease still held. */
  onGivenUp: (() => void) | undefined;
}

export interface FlightPlan {
  readonly key: string;
  readonly space: Space;
  readonly forced: boolean;
  readonly patience: Patience;
  readonly outage: OutagePolicy;
  /** See {@link Flight.onWaiting}. */
  readonly onWaiting?: ((waits: boolean) => void) | undefined;
  /** Nobody waits for it. Default false. */
  readonly unattended?: boolean;
  /** See {@link Flight.refreshed}. */
  readonly refreshed?: string | undefined;
}

/** How long a caller waits, ms. */
export type Patience = Pick<Upkeep, 'hardTimeout' | 'softTimeout' | 'swr'>;
