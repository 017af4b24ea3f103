import type { CircuitState } from '../cache.js';
import { compileGlob } from '../entries/glob.js';
import type { Store } from '../store.js';
import { type CircuitBreakerSettings, type GuardedStore, withCircuitBreaker } from './circuit-breaker.js';
import type { Core } from './core.js';
import { type Intent, softened } from './intent.js';
import { Replay } from './replay.js';
import { forget } from './settle.js';
import { withJournal } from './with-journal.js';

export interface GuardSettings {
  readonly circuitBreaker: CircuitBreakerSettings;
  /** How long one request of the replay may take, ms. */
  readonly budget: number;
}

/**
 * L2 as the calls see it: behind a circuit breaker, and not asked for what the journal holds. When it is back it is told what it missed before
 * anybody reads it.
 */
export function guardL2(core: Core, store: Store, settings: GuardSettings): { l2: GuardedStore; replay: Replay } {
  const { clock, events, journal } = core;
  const replay = new Replay({
    journal,
    store,
    clock,
    budget: settings.budget,
    isOpenToCalls: () => guarded.circuit.state === 'closed',
    settle: (intent) => settle(core, intent),
    done() {
      if (events.heard['journal:delivered']) events.emit('journal:delivered', {});
    },
  });

  function onState(state: CircuitState, reason: unknown): void {
    // What stood in for L2 must not stand in again at the next outage, when it would be old.
    if (state === 'closed' && core.localRole === 'stand-in') core.local.clear();
    if (state === 'closed') core.gate.narrow();
    if (state === 'closed') replay.soon();
    if (events.heard.circuit) events.emit('circuit', { state, reason });
  }

  const guarded = withCircuitBreaker(store, settings.circuitBreaker, clock, onState, () => replay.recover());
  store.onOtherServer?.((affected) => {
    core.fence.markAll();
    for (const intent of journal.recall(affected)) disown(core, intent);
  });
  return { l2: withJournal(guarded, journal), replay };
}

/**
 * What another server is to be told, the one before it was told. What came from the new one meanwhile is not kept, but what was set here is.
 */
function disown({ local, labels }: Core, intent: Intent): void {
  if (intent.kind === 'labels') for (const label of intent.labels) labels.change(label);
  if (intent.kind !== 'keys') return;
  for (const [key, to] of intent.keys) {
    const copy = to === softened ? undefined : local.get(key);
    if (copy !== undefined && copy.stamp !== to) local.delete(key);
  }
}

/** What is gone from L2 now goes from memory too, where it may be of our own making, which nobody else knows. */
function settle(core: Core, intent: Intent): void {
  const { local, labels, fence } = core;
  switch (intent.kind) {
    case 'keys':
      for (const key of intent.keys.keys()) forget(core, key);
      break;
    case 'labels':
      for (const label of intent.labels) labels.change(label);
      break;
    case 'pattern':
      local.deleteMatching(intent.prefix, compileGlob(intent.glob));
      fence.markAll();
      break;
    case 'everything':
      labels.changeAll();
      local.clear();
      fence.markAll();
      break;
    case 'key':
      // Made stale here when it was noted.
      fence.mark(intent.key);
  }
}
