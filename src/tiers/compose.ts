import type { TieredCache } from '../cache.js';
import type { Clock } from '../clock.js';
import { alwaysTrusting, notYetTrusting } from '../coherence/epochs.js';
import { isFresh } from '../entries/freshness.js';
import { UnsupportedError } from '../errors.js';
import type { Emitter } from '../events.js';
import type { LocalStore, Store } from '../store.js';
import type { Defaults } from './call-options.js';
import type { CircuitBreakerSettings, GuardedStore } from './circuit-breaker.js';
import { type CacheLocks, type Core, tryL2 } from './core.js';
import type { Counters } from './counters.js';
import { countFound, countStale } from './counting.js';
import { Fence } from './fence.js';
import type { Flight } from './flight.js';
import { Flights } from './flights.js';
import { Gate } from './gate.js';
import { guardL2 } from './guard-l2.js';
import { Journal, type JournalSettings } from './journal.js';
import { Labels } from './labels.js';
import { listenToPeers } from './listen-to-peers.js';
import { Namespaces } from './namespaces.js';
import type { PeersSettings } from './peers.js';
import { Refreshes } from './refreshes.js';
import { TieredCacheView } from './tiered-cache.js';
import { UnderWay } from './under-way.js';
import { VersionReads } from './version-reads.js';
import { WakeUps } from './wake-ups.js';

/** All durations in ms, all checked: the builder has done that. */
export interface Composition {
  readonly name: string;
  readonly clock: Clock;
  readonly local: LocalStore;
  readonly localRole: Core['localRole'];
  readonly l2: Store | undefined;
  /** How other processes' invalidations are heard. Without it copies in L1 are served until their time is up. */
  readonly peers?: PeersSettings | undefined;
  readonly circuitBreaker: CircuitBreakerSettings;
  readonly events: Emitter;
  readonly counters: Counters;
  readonly defaults: Defaults;
  readonly outageTtl: number;
  /** Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** How long a copy may stay in L1, ms. Default: as long as its entry lives. */
  readonly localTtl?: number | undefined;
  readonly journal: JournalSettings;
  /** Makes the locks; what asks L2 for them goes through what it is given. Default: none. */
  readonly locks?: ((guard: GuardedStore['attempt']) => CacheLocks) | undefined;
  readonly onClose?: (() => void) | undefined;
}

/** L2 operations under way at once: far more than keep a connection busy, and few enough to be answered within a budget. */
const mostInFlight = 512;

/** How many budgets one may wait for a place: the first burst of a process is mostly its own work, not L2's. */
const turns = 4;

/** Puts the tiers together into one cache. */
export function composeCache(parts: Composition): TieredCache {
  const core = composeCore(parts);
  return new TieredCacheView(core, core.labels.root, parts.defaults);
}

/** What all views of one cache share. */
export function composeCore(parts: Composition): Core {
  const { clock, events, local, localRole } = parts;
  const trust = parts.peers === undefined ? alwaysTrusting() : notYetTrusting();
  const fence = new Fence(trust);
  const labels = new Labels();
  const refreshes = new Refreshes(clock);
  const journal = new Journal(parts.journal, clock, {
    noted: () => core.replay?.soon(),
    overflowed() {
      if (events.heard['journal:overflow']) events.emit('journal:overflow', { maxNames: parts.journal.maxNames });
    },
  });

  /**
   * A load that began before trust was last gained may have missed an invalidation. It is still good for as long as staleness is
   * allowed, and while L2 is away there is nothing better.
   */
  function isNewEnough({ ticket, startedAt, inBackground }: Flight): boolean {
    const { peers, l2 } = core;
    // Where nothing is heard of others, what stands in for it may be gone in L2, which is asked by whoever has no L1.
    if (inBackground && peers === undefined && localRole === 'stand-in' && l2?.leases !== undefined) return false;
    if (peers === undefined || (ticket.trust === trust.current && ticket.trust !== 0)) return true;
    return clock.monotonic() - startedAt < peers.maxStaleness || l2?.circuit.state !== 'closed';
  }

  const core: { -readonly [Part in keyof Core]: Core[Part] } = {
    name: parts.name,
    clock,
    local,
    localRole,
    l2: undefined,
    journal,
    replay: undefined,
    fence,
    trust,
    peers: undefined,
    wakeUps: new WakeUps(),
    flights: new Flights({
      fence,
      clock,
      local,
      labels,
      refreshes,
      onStandIn: (flight) => {
        const { ticket, standIn, standInTier } = flight;
        if (isFresh(standIn, clock.now())) return;
        countFound(core, flight, { entry: undefined, tier: standInTier });
        countStale(core, ticket.key, standInTier);
      },
      isNewEnough,
    }),
    gate: new Gate(mostInFlight, turns * parts.defaults.budget, clock),
    namespaces: new Namespaces(),
    labels,
    underWay: new UnderWay(),
    versionReads: new VersionReads({
      labels,
      clock,
      trust,
      isTold: () => core.peers !== undefined,
      isHeld: ({ label }) => journal.size > 0 && journal.holdsLabel(label),
      ask: (run) => tryL2(core, 'versions', run),
    }),
    events,
    counters: parts.counters,
    outageTtl: parts.outageTtl,
    random: parts.random ?? Math.random,
    slides: new Refreshes(clock),
    refreshes,
    // Memory alone has nobody to ask again.
    localTtl: (parts.l2 && parts.localTtl) ?? Number.POSITIVE_INFINITY,
    locks: withoutLocks(parts.name),
    onClose: parts.onClose,
    closed: false,
    closing: undefined,
  };
  if (parts.l2 !== undefined) {
    const { circuitBreaker, defaults } = parts;
    Object.assign(core, guardL2(core, parts.l2, { circuitBreaker, budget: defaults.budget }));
  }
  if (parts.locks !== undefined) core.locks = parts.locks((operation, call) => core.l2?.attempt(operation, call) ?? call());
  if (parts.peers !== undefined) core.peers = listenToPeers(core, parts.peers);
  return core;
}

function withoutLocks(name: string): CacheLocks {
  return {
    of() {
      throw new UnsupportedError(`The cache '${name}' was put together without locks.`);
    },
    close: async () => undefined,
  };
}
