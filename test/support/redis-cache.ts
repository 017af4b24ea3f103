import type { Connection } from '../../src/backends/redis/connection.js';
import { redisStore } from '../../src/backends/redis/redis-store.js';
import type { StandaloneOptions } from '../../src/backends/redis/standalone.js';
import { systemClock } from '../../src/clock.js';
import { Emitter } from '../../src/events.js';
import { newCounters } from '../../src/tiers/counters.js';
import { gatedStore } from './gated-store.js';
import { Gates } from './gates.js';
import { type ProcessOptions, type SimulatedProcess, simulatedProcess } from './simulated-process.js';

export interface RedisCacheOptions extends ProcessOptions {
  readonly url: string;
  readonly connect: (options: StandaloneOptions) => Connection;
  readonly leaseMs?: number;
}

export interface RedisCache extends SimulatedProcess {
  readonly gates: Gates;
}

/** A cache over real Redis with all its inner parts in view and gates around its store. */
export function redisCache(options: RedisCacheOptions): RedisCache {
  const { url, connect, leaseMs = 5_000, clock = systemClock, ...rest } = options;
  // A call that ran out of time goes on without L2, and whoever waits for it at a gate then waits for ever.
  const defaults = { budget: 10_000, ...rest.defaults };
  const gates = new Gates();
  const events = new Emitter();
  const counters = newCounters();
  const store = redisStore(connect({ url }), {
    name: 'test',
    clock,
    leaseMs,
    events: {
      unreadable(key, error) {
        counters.unreadable += 1;
        events.emit('entry:unreadable', { key, error });
      },
    },
  });
  return { gates, ...simulatedProcess(clock, gatedStore(store, 'p', gates.pass), { ...rest, defaults, events, counters }) };
}
