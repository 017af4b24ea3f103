import { systemClock } from '../clock.js';
import {
  type MemoryLocksOptions,
  type RedisLocksOptions,
  type RedlockOptions,
  readMemoryLocksOptions,
  readRedisLocksOptions,
  readRedlockOptions,
} from '../config/locks-options.js';
import type { Locks } from '../lock.js';
import { locksOver } from '../locks/locks.js';
import { memoryNode } from '../locks/memory-node.js';
import { redisNode } from '../locks/redis-node.js';
import { connect } from './connect.js';

/**
 * Locks of this process alone, for tests and programs of one process.
 * @example const locks = memoryLocks();
 * @throws ConfigError
 */
export function memoryLocks(options: MemoryLocksOptions = {}): Locks {
  const { clock = systemClock, maxLocks, ...defaults } = readMemoryLocksOptions(options);
  return locksOver({ clock, nodes: [memoryNode(clock)], scope: 'process', maxLocks, defaults });
}

/**
 * Locks of all processes that share a Redis, a Cluster, or what Sentinels watch. Where there is a cache over it, `cache.locks` has the same by the
 * cache's own connection.
 * @example const locks = redisLocks({ name: 'shop', redis: { url: 'redis://localhost:6379' } });
 * @throws ConfigError
 */
export function redisLocks(options: RedisLocksOptions): Locks {
  const { topology, name = 'tierkeep', clock = systemClock, maxLocks, ...defaults } = readRedisLocksOptions(options);
  const nodes = [redisNode(connect(topology, clock), { name, clock, ownsConnection: true })];
  return locksOver({ clock, nodes, scope: 'all', maxLocks, defaults });
}

/**
 * Locks by majority over several Redis that do not know of each other, after S. Sanfilippo's Redlock, with fencing tokens that never go backwards:
 * one of three may be away, or two of five.
 * @example const locks = redlock({ name: 'shop', nodes: [{ host: 'a' }, { host: 'b' }, { host: 'c' }] });
 * @throws ConfigError
 */
export function redlock(options: RedlockOptions): Locks {
  const { nodes: servers, name = 'tierkeep', clock = systemClock, maxLocks, ...defaults } = readRedlockOptions(options);
  const nodes = servers.map((options) =>
    redisNode(connect({ kind: 'redis', options }, clock), { name, clock, ownsConnection: true }),
  );
  return locksOver({ clock, nodes, scope: 'all', maxLocks, defaults });
}
