import type { Connection } from '../backends/redis/connection.js';
import type { TieredCache } from '../cache.js';
import { UnsupportedError } from '../errors.js';
import type { Emitter } from '../events.js';
import type { Locks } from '../lock.js';
import { locksOver } from '../locks/locks.js';
import { memoryNode } from '../locks/memory-node.js';
import { prefixedLocks } from '../locks/prefixed-locks.js';
import { type Guard, redisNode } from '../locks/redis-node.js';
import type { CacheLocks } from '../tiers/core.js';
import type { Plan } from './plan.js';

/** The locks of a cache: where its entries are, by the same connection and behind the same circuit breaker. */
export function makeLocks({ name, clock, locks, settings, l2 }: Plan, connection: Connection | undefined, events: Emitter) {
  const { maxLocks, ...given } = locks;
  const defaults = { ...given, budget: settings.budget };
  return (guard: Guard): CacheLocks => {
    if (l2?.kind === 'tier') return locksOfTier(l2.cache, l2.name);
    const own = locksOver(
      connection === undefined
        ? { clock, nodes: [memoryNode(clock)], scope: 'process', maxLocks, defaults, events }
        : { clock, nodes: [redisNode(connection, { name, clock, guard })], scope: 'all', maxLocks, defaults, events },
    );
    return { of: (prefix) => (prefix === '' ? own : prefixedLocks(own, prefix)), close: () => own.close() };
  };
}

/** Whoever shares the tier is to be kept off too, so its own locks are the ones; it stays open. */
function locksOfTier(cache: object, name: string): CacheLocks {
  return {
    of(prefix): Locks {
      // Not before somebody wants them: a tier of tiers may have none, and is a good tier.
      const { locks } = cache as Partial<TieredCache>;
      if (locks !== undefined) return prefix === '' ? locks : prefixedLocks(locks, prefix);
      throw new UnsupportedError(
        `The tier '${name}' has no locks. Take redisLocks() or memoryLocks() of 'tierkeep/locks', whichever keeps off who is to be kept off.`,
      );
    },
    close: async () => undefined,
  };
}
