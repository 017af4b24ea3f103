import type { OutagePolicy, TieredCache } from '../../src/cache.js';
import { announcements } from '../../src/coherence/messages.js';
import type { Store } from '../../src/store.js';
import { type AilingStore, type Ailment, ailingStore } from './ailing-store.js';
import { eventually } from './eventually.js';
import { FakeBus } from './fake-bus.js';
import { Gates } from './gates.js';
import { sharedStore } from './shared-store.js';
import {
  maxStaleness,
  type ProcessOptions,
  pass,
  type SimulatedProcess,
  settled,
  simulatedProcess,
  type World,
  world,
} from './simulated-process.js';

/** `open`: the circuit is, so that nothing is even tried. */
export type Outage = Exclude<Ailment, 'none'> | 'open';

/** After which nobody knows what L2 has done. */
export const unsure: readonly Outage[] = ['lost', 'unanswered'];

/** Opens at the first failure, and looks again soon: its timers are real. */
const touchyBreaker = { resetTimeout: 20, errorThreshold: 1, volumeThreshold: 1, window: 2_000, probeTimeout: 500 };

export interface Patient extends SimulatedProcess, Pick<World, 'clock' | 'server'> {
  readonly bus: FakeBus;
  readonly l2: AilingStore;
  /** Another process, which L2 serves all along, and which has no memory: what it reads is what is there. */
  readonly other: TieredCache;
  fallsIll(outage: Outage): Promise<void>;
  /** L2 answers again, and has been told what there was to tell. */
  recovers(): Promise<void>;
}

export interface PatientOptions extends ProcessOptions {
  readonly outage?: OutagePolicy | undefined;
  readonly bus?: 'on' | 'off';
  /** How it will fall ill. */
  readonly ill?: Outage;
  /** What else ails its L2. */
  readonly around?: (store: Store) => Store;
}

/** A process whose L2 can fall ill for it alone. */
export function patient({
  outage,
  bus: withBus = 'off',
  ill,
  around = (store) => store,
  ...rest
}: PatientOptions = {}): Patient {
  const { clock, server, process } = world();
  const { pass: way } = new Gates();
  const bus = new FakeBus(server, 'p', way);
  const told = withBus === 'on' ? { channel: 'bus', ...announcements('p') } : undefined;
  const l2 = ailingStore(around(sharedStore(server, 'p', way, told)));
  const made = simulatedProcess(clock, l2.l2, {
    ...(withBus === 'on' && { peers: { bus, origin: 'p', maxStaleness } }),
    ...(ill === 'open' && { circuitBreaker: touchyBreaker }),
    ...rest,
    defaults: { ...rest.defaults, ...(outage && { outage }) },
  });
  const { cache, core } = made;
  return {
    ...made,
    clock,
    server,
    bus,
    l2,
    other: process('other', { localRole: 'stand-in' }).cache,
    async fallsIll(how) {
      l2.ails = how === 'open' ? 'refused' : how;
      if (how !== 'open') return;
      await cache.ping().catch(() => undefined);
      if (core.l2?.circuit.state !== 'open') throw new Error('the circuit is still closed');
    },
    async recovers() {
      l2.ails = 'none';
      await eventually(() => core.l2?.circuit.state === 'closed');
      await pass(clock, 3_000, 100);
      await settled();
    },
  };
}

/** Who says which policy it is. */
export const givers = ['the cache', 'its namespace', 'an outer namespace', 'the call'] as const;
export type Giver = (typeof givers)[number];

/** The cache or namespace to use, and the options to use with each call. The others all want something else. */
export function under(policy: OutagePolicy, giver: Giver, make: (outage: OutagePolicy) => Patient) {
  const another = policy === 'throw' ? 'source' : 'throw';
  const made = make(giver === 'the cache' ? policy : another);
  const { cache } = made;
  if (giver === 'the cache') return { ...made, cache, prefix: '', options: {} };
  if (giver === 'the call') {
    return { ...made, cache: cache.namespace('n', { outage: another }), prefix: 'n:', options: { outage: policy } };
  }
  if (giver === 'its namespace') {
    return { ...made, cache: cache.namespace('n', { outage: policy }), prefix: 'n:', options: {} };
  }
  const inner = cache.namespace('n', { outage: policy }).namespace('inner', { ttl: '5m' });
  return { ...made, cache: inner, prefix: 'n:inner:', options: {} };
}
