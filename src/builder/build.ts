import { MemoryStore } from '../backends/memory.js';
import type { TieredCache } from '../cache.js';
import { defaults } from '../config/defaults.js';
import { Emitter } from '../events.js';
import { reportOutages } from '../outage-report.js';
import { lifeIn, upkeepIn } from '../tiers/call-options.js';
import { composeCache } from '../tiers/compose.js';
import { newCounters } from '../tiers/counters.js';
import { withRetries } from '../tiers/with-retries.js';
import { reportUnwritten } from '../unwritten-report.js';
import { makeL2 } from './make-l2.js';
import { makeLocks } from './make-locks.js';
import type { Plan } from './plan.js';

/** The composition root: makes the tiers that the plan names and puts them together. */
export function buildCache(plan: Plan): TieredCache {
  const { name, clock, logger, settings, plugins } = plan;
  const { softTimeout, jitter } = settings;
  // Whichever of the two was said first.
  lifeIn({ jitter }, settings);
  if (softTimeout !== Number.POSITIVE_INFINITY) upkeepIn({ softTimeout }, settings);
  const events = new Emitter();
  const counters = newCounters();
  const isL1 = plan.l1 || plan.l2 === undefined;

  const local = new MemoryStore({
    maxEntries: plan.memory.maxEntries ?? (isL1 ? defaults.maxEntries : defaults.standInEntries),
    maxBytes: plan.memory.maxBytes,
    values: plan.memory.values ?? 'reference',
    onEvict(key) {
      counters.evictions += 1;
      // Not here, inside the list that makes room: a listener may write. Nor in a microtask, since one that evicts again with each
      // write would let nothing else run.
      if (events.heard.evict) setImmediate(() => events.emit('evict', { key }));
    },
  });
  const l2 = makeL2(plan, {
    unreadable(key, error) {
      counters.unreadable += 1;
      if (events.heard['entry:unreadable']) events.emit('entry:unreadable', { key, error });
    },
    failed(operation, error) {
      counters.l2Errors += 1;
      if (events.heard['l2:error']) events.emit('l2:error', { operation, error });
    },
  });
  if (l2 !== undefined) reportOutages(events, { cache: name, backend: l2.store.name, clock, logger });
  reportUnwritten(events, name, logger);

  const disposers: (() => unknown)[] = [];
  const cache = composeCache({
    name,
    clock,
    local,
    localRole: isL1 ? 'tier' : 'stand-in',
    l2: l2 && withRetries(l2.store, { ...defaults.retry, ...plan.retry }, clock),
    peers: l2?.peers,
    circuitBreaker: { ...defaults.circuitBreaker, ...plan.circuitBreaker, probeTimeout: settings.budget },
    events,
    counters,
    defaults: { ...settings, outage: plan.outage },
    journal: { ...defaults.journal, ...plan.journal },
    outageTtl: settings.outageTtl,
    locks: makeLocks(plan, l2?.connection, events),
    localTtl: plan.memory.ttl,
    onClose() {
      for (const dispose of disposers.reverse()) void disposeSafely(name, dispose);
    },
  });
  try {
    for (const plugin of plugins) {
      const dispose = plugin(cache, { name, clock, logger });
      if (typeof dispose === 'function') disposers.push(dispose);
    }
  } catch (error) {
    void cache.close();
    throw error;
  }
  return cache;
}

/** One plugin that fails must keep neither the others nor the cache from ending. */
async function disposeSafely(name: string, dispose: () => unknown): Promise<void> {
  try {
    await dispose();
  } catch (error) {
    process.emitWarning(`a plugin of the cache '${name}' failed to end: ${String(error)}`, 'TierkeepWarning');
  }
}
