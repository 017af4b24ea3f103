import { connectCluster } from '../backends/redis/cluster.js';
import type { Connection } from '../backends/redis/connection.js';
import { redisStore } from '../backends/redis/redis-store.js';
import { connectSentinel } from '../backends/redis/sentinel.js';
import { connectStandalone } from '../backends/redis/standalone.js';
import type { Clock } from '../clock.js';
import { announcements } from '../coherence/messages.js';
import { pubSub } from '../coherence/pub-sub.js';
import { tracking } from '../coherence/tracking.js';
import type { TopologySettings } from '../config/topology.js';
import { newStamp } from '../entries/entry.js';
import { physicalKeys } from '../entries/keys.js';
import type { Store, StoreEvents } from '../store.js';
import { cacheAsStore } from '../tiers/cache-as-store.js';
import type { PeersSettings } from '../tiers/peers.js';
import type { Plan } from './plan.js';

export interface L2 {
  readonly store: Store;
  readonly peers: PeersSettings | undefined;
}

/** The L2 tier and, where there is an L1 that may grow old, the bus that keeps it true. A cache without L1 tells, but need not listen. */
export function makeL2(plan: Plan, events: StoreEvents): L2 | undefined {
  const { l2, name, clock, settings, bus, l1 } = plan;
  if (l2 === undefined) return undefined;
  if (l2.kind === 'tier') return { store: cacheAsStore(l2.cache, l2.name, clock), peers: undefined };
  const connection = connect(l2, clock);
  const keys = physicalKeys(name);
  const { channel, probe: probeKey } = keys;
  const origin = newStamp();
  const told = bus ? { channel, ...announcements(origin) } : undefined;
  const store = redisStore(connection, { name, clock, leaseMs: settings.leaseTtl, events, announcements: told });
  if (!bus || !l1) return { store, peers: undefined };
  const heard = pubSub(connection, { channel, probeKey, clock, tracking: bus === 'tracking' ? tracking(keys) : undefined });
  return { store, peers: { bus: heard, origin, maxStaleness: settings.maxStaleness } };
}

function connect({ kind, options }: TopologySettings, clock: Clock): Connection {
  switch (kind) {
    case 'redis':
      return connectStandalone({ ...options, clock });
    case 'cluster':
      return connectCluster({ ...options, clock });
    case 'sentinel':
      return connectSentinel({ ...options, clock });
  }
}
