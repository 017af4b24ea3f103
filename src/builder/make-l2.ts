import type { Connection } from '../backends/redis/connection.js';
import { redisStore } from '../backends/redis/redis-store.js';
import { announcements } from '../coherence/messages.js';
import { pubSub } from '../coherence/pub-sub.js';
import { tracking } from '../coherence/tracking.js';
import { newStamp } from '../entries/entry.js';
import { physicalKeys } from '../entries/keys.js';
import type { Store, StoreEvents } from '../store.js';
import { cacheAsStore } from '../tiers/cache-as-store.js';
import type { PeersSettings } from '../tiers/peers.js';
import { connect } from './connect.js';
import type { Plan } from './plan.js';

export interface L2 {
  readonly store: Store;
  readonly peers: PeersSettings | undefined;
  /** To Redis, if that is what it is in. */
  readonly connection: Connection | undefined;
}

/**
 * The L2 tier and the bus that keeps true what is known of it here: copies in L1 and, without one too, the versions of tags and namespaces,
 * which else would have to be asked for with every read. To hear of single keys by tracking is of use to L1 only.
 */
export function makeL2(plan: Plan, events: StoreEvents): L2 | undefined {
  const { l2, name, clock, settings, bus, l1 } = plan;
  if (l2 === undefined) return undefined;
  if (l2.kind === 'tier') return { store: cacheAsStore(l2.cache, l2.name, clock), peers: undefined, connection: undefined };
  const connection = connect(l2, clock);
  const keys = physicalKeys(name);
  const { channel, probe: probeKey } = keys;
  const origin = newStamp();
  const told = bus ? { channel, ...announcements(origin) } : undefined;
  const store = redisStore(connection, { name, clock, leaseMs: settings.leaseTtl, events, announcements: told });
  if (!bus) return { store, peers: undefined, connection };
  const tracked = bus === 'tracking' && l1 ? tracking(keys) : undefined;
  const heard = pubSub(connection, { channel, probeKey, clock, tracking: tracked });
  return { store, peers: { bus: heard, origin, maxStaleness: settings.maxStaleness }, connection };
}
