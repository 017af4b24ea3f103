import type { CacheBuilder } from 'tierkeep';
import { cacheBuilder } from 'tierkeep';
import type { Connection } from '../../src/backends/redis/connection.js';
import type { Writer } from './observe.js';

/** The connection alone: what a call sees that goes to Redis at once, whatever the circuit breaker says. */
export function connectionWriter(name: string, connection: Connection, counter: string): Writer {
  return {
    name,
    write: () => connection.command({ key: counter, args: ['INCR', counter] }, performance.now() + 300),
    close: () => connection.close(),
  };
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** A cache of two tiers. Its counter is one of its own keys, since `increment` asks Redis or rejects. */
export function cacheWriter(name: string, cacheName: string, key: string, l2: (builder: CacheBuilder) => CacheBuilder): Writer {
  const cache = l2(cacheBuilder(cacheName).memory()).budget('300ms').logger(quiet).build();
  let reads = 0;
  return {
    name,
    write: () => cache.increment(key, 1, { ttl: '1h' }),
    // A key that nobody has, so that each goes to L2 and then to its source.
    read: () => cache.getOrSet(`read:${reads++}`, () => 'from the source'),
    close: () => cache.close(),
  };
}
