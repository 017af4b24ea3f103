import type { CircuitState, TieredCache } from '../cache.js';
import type { Clock } from '../clock.js';
import type { Emitter } from '../events.js';
import type { LocalStore, Store } from '../store.js';
import type { Defaults } from './call-options.js';
import { type CircuitBreakerSettings, withCircuitBreaker } from './circuit-breaker.js';
import type { Core } from './core.js';
import type { Counters } from './counters.js';
import { countStale } from './counting.js';
import { Fence } from './fence.js';
import { Flights } from './flights.js';
import { Gate } from './gate.js';
import { Namespaces } from './namespaces.js';
import { TieredCacheView } from './tiered-cache.js';

/** All durations in ms, all checked: the builder has done that. */
export interface Composition {
  readonly name: string;
  readonly clock: Clock;
  readonly local: LocalStore;
  readonly localRole: Core['localRole'];
  readonly l2: Store | undefined;
  readonly circuitBreaker: CircuitBreakerSettings;
  readonly events: Emitter;
  readonly counters: Counters;
  readonly defaults: Defaults;
  readonly outageTtl: number;
  readonly onClose?: (() => void) | undefined;
}

/** L2 operations under way at once: far more than keep a connection busy, and few enough to be answered within a budget. */
const mostInFlight = 512;

/** How many budgets one may wait for a place: the first burst of a process is mostly its own work, not L2's. */
const turns = 4;

/** Puts the tiers together into one cache. */
export function composeCache(parts: Composition): TieredCache {
  return new TieredCacheView(composeCore(parts), '', parts.defaults);
}

/** What all views of one cache share. */
export function composeCore(parts: Composition): Core {
  const { clock, events, local, localRole } = parts;
  const fence = new Fence();

  function onCircuit(state: CircuitState, reason: unknown): void {
    // What stood in for L2 must not stand in again at the next outage, when it would be old.
    if (state === 'closed' && localRole === 'stand-in') local.clear();
    if (events.heard.circuit) events.emit('circuit', { state, reason });
  }

  const core: Core = {
    name: parts.name,
    clock,
    local,
    localRole,
    l2: parts.l2 === undefined ? undefined : withCircuitBreaker(parts.l2, parts.circuitBreaker, clock, onCircuit),
    fence,
    flights: new Flights(fence, clock, local, ({ ticket, standInTier }) => countStale(core, ticket.key, standInTier)),
    gate: new Gate(mostInFlight, turns * parts.defaults.budget, clock),
    namespaces: new Namespaces(),
    events,
    counters: parts.counters,
    outageTtl: parts.outageTtl,
    onClose: parts.onClose,
    closed: false,
    closing: undefined,
  };
  return core;
}
