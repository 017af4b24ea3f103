import { MemoryStore } from '../../src/backends/memory.js';
import type { TieredCache } from '../../src/cache.js';
import type { Clock } from '../../src/clock.js';
import { announcements } from '../../src/coherence/messages.js';
import { defaults as standard } from '../../src/config/defaults.js';
import { type CacheEventName, Emitter } from '../../src/events.js';
import type { Store } from '../../src/store.js';
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.js';
import type { Defaults } from '../../src/tiers/call-options.js';
import { type Composition, composeCore } from '../../src/tiers/compose.js';
import type { Core } from '../../src/tiers/core.js';
import { newCounters } from '../../src/tiers/counters.js';
import { TieredCacheView } from '../../src/tiers/tiered-cache.js';
import { FakeBus } from './fake-bus.js';
import { Gates, type Pass } from './gates.js';
import { SharedServer } from './shared-server.js';
import { type SharedStore, sharedStore } from './shared-store.js';

export interface ProcessOptions extends Partial<Omit<Composition, 'defaults' | 'l2'>> {
  readonly defaults?: Partial<Defaults>;
  /** What is in this process but not the process itself: `fence` off forgets every mark. */
  readonly fence?: 'on' | 'off';
  /** Off: whatever is heard or not, every copy in L1 is served. */
  readonly trust?: 'on' | 'off';
}

/** A cache with all its inner parts in view, as the builder would put it together. */
export interface SimulatedProcess {
  readonly cache: TieredCache;
  readonly core: Core;
}

/** Circuits stay closed here, since their timers are real: what tests them says so. */
const patientBreaker = { resetTimeout: 1_000, errorThreshold: 99, volumeThreshold: 1_000, window: 2_000, probeTimeout: 500 };

export function simulatedProcess(clock: Clock, l2: Store | undefined, options: ProcessOptions = {}): SimulatedProcess {
  const { ttl, grace, jitter, swr, softTimeout, hardTimeout, beta, negativeTtl, errorBackoff, sliding, budget, outage } =
    standard;
  const defaults: Defaults = {
    ...{ ttl, grace, jitter, swr, softTimeout, hardTimeout, beta, negativeTtl, errorBackoff, sliding, budget, outage },
    ...options.defaults,
  };
  const core = composeCore({
    name: 'test',
    clock,
    local: new MemoryStore({ maxEntries: 1_000, values: 'reference' }),
    localRole: 'tier',
    circuitBreaker: patientBreaker,
    events: new Emitter(),
    counters: newCounters(),
    outageTtl: 30_000,
    journal: { maxNames: 1_000, window: 60_000 },
    ...options,
    l2,
    defaults,
  });
  if (options.fence === 'off') core.fence.isMarked = () => false;
  if (options.trust === 'off') {
    Object.defineProperties(core.trust, { current: { get: () => 1, set() {} }, serving: { get: () => 1, set() {} } });
  }
  return { core, cache: new TieredCacheView(core, core.labels.root, defaults) };
}

/** Several processes around one L2, and a clock that they share. */
export interface World {
  readonly clock: FakeClock;
  readonly server: SharedServer;
  process(name: string, options?: ProcessOptions & WorldOptions): WorldProcess;
}

interface WorldOptions {
  readonly pass?: Pass;
  /** Whether it tells others what it changed and hears what they did. Default off: no messages at all. */
  readonly bus?: 'on' | 'off';
  /** Off: L2 keeps none, so that nothing but entries is asked for. Default on. */
  readonly versions?: 'on' | 'off';
}

export interface WorldProcess extends SimulatedProcess {
  readonly l2: SharedStore;
  readonly gates: Gates;
  /** There in any case; of use with `bus: 'on'`. */
  readonly bus: FakeBus;
}

export const maxStaleness = 2_000;

export function world(options: { leaseMs?: number; lease?: 'on' | 'off' } = {}): World {
  const clock = fakeClock();
  const server = new SharedServer(clock, options.leaseMs);
  if (options.lease === 'off') {
    server.fill = (key, _token, entry) => server.write(key, entry, Number.POSITIVE_INFINITY) === true;
  }
  return {
    clock,
    server,
    process(name, { pass, bus: withBus = 'off', versions = 'on', ...rest } = {}) {
      const gates = new Gates();
      const bus = new FakeBus(server, name, pass ?? gates.pass);
      if (withBus === 'off') {
        const l2 = sharedStore(server, name, pass ?? gates.pass);
        if (versions === 'off') Object.assign(l2, { versions: undefined });
        return { l2, gates, bus, ...simulatedProcess(clock, l2, rest) };
      }
      const l2 = sharedStore(server, name, pass ?? gates.pass, { channel: 'bus', ...announcements(name) });
      const peers = { bus, origin: name, maxStaleness };
      return { l2, gates, bus, ...simulatedProcess(clock, l2, { ...rest, peers }) };
    },
  };
}

/** Everything that can happen without time passing or a gate opening has happened afterwards. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets time pass in small steps, so that what falls due can set the next timer at its own time. */
export async function pass(clock: FakeClock, ms: number, step = 5): Promise<void> {
  for (let gone = 0; gone < ms; gone += step) {
    clock.advance(Math.min(step, ms - gone));
    await settled();
  }
}

/** Writes down events as they happen, in one line each: `hit l1 a`. */
export function trace(cache: TieredCache): string[] {
  const lines: string[] = [];
  const plain: CacheEventName[] = ['miss', 'set', 'delete', 'evict', 'factory:start', 'fill:refused', 'entry:unreadable'];
  for (const name of plain) cache.on(name, (event) => lines.push(`${name} ${'key' in event ? event.key : ''}`));
  cache.on('hit', ({ key, tier, stale }) => lines.push(`hit ${tier} ${key}${stale ? ' stale' : ''}`));
  cache.on('clear', ({ namespace }) => lines.push(`clear ${namespace}`.trimEnd()));
  cache.on('factory:end', ({ key, error }) =>
    lines.push(`factory:end ${key}${error === undefined ? '' : ` ${String(error)}`}`),
  );
  cache.on('l2:error', ({ operation }) => lines.push(`l2:error ${operation}`));
  cache.on('circuit', ({ state }) => lines.push(`circuit ${state}`));
  return lines;
}

/** A promise that a test settles. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
