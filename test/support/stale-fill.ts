import type { TieredCache } from '../../src/cache.js';
import type { Gates } from './gates.js';
import { deferred } from './simulated-process.js';

/** What stands in L2 before, what the factory makes of the source as it was then, and what is written meanwhile. */
export const before = 10;
export const made = 20;
const written = 30;

export type Phase = 'before the factory' | 'in the factory' | 'before the fill is executed' | 'before the fill is acknowledged';
const phases: readonly Phase[] = [
  'before the factory',
  'in the factory',
  'before the fill is executed',
  'before the fill is acknowledged',
];

export interface Invalidation {
  readonly name: string;
  run(cache: TieredCache): Promise<unknown>;
  /** Versions tell it, which a load that holds its lease notes only before its factory. */
  readonly byVersion?: true;
  /** What L2 holds in the end: if it met the entry that was there before, and if it met what was filled. */
  after(met: number | undefined): number | undefined;
}

const invalidations: readonly Invalidation[] = [
  { name: 'delete', run: (cache) => cache.delete('k'), after: () => undefined },
  { name: 'deleteMany', run: (cache) => cache.deleteMany(['other', 'k']), after: () => undefined },
  { name: 'deletePattern', run: (cache) => cache.deletePattern('k*'), after: () => undefined },
  { name: 'clear', run: (cache) => cache.clear(), byVersion: true, after: () => undefined },
  { name: 'set', run: (cache) => cache.set('k', written), after: () => written },
  {
    name: 'setMany',
    run: (cache) =>
      cache.setMany([
        ['other', 1],
        ['k', written],
      ]),
    after: () => written,
  },
  { name: 'increment', run: (cache) => cache.increment('k'), after: (met) => (met ?? 0) + 1 },
];

const ofAnEntry: Invalidation = { name: 'expire', run: (cache) => cache.expire('k', '1m'), after: (met) => met };
const ofNoEntry: Invalidation = { name: 'setIfAbsent', run: (cache) => cache.setIfAbsent('k', written), after: () => written };

/** An invalidation that comes in a phase of a load, of a cold key or of one that is loaded although it is fresh. */
export interface Schedule {
  readonly phase: Phase;
  readonly invalidation: Invalidation;
  readonly cold: boolean;
}

export const schedules: readonly Schedule[] = phases.flatMap((phase) => [
  ...[...invalidations, ofAnEntry].map((invalidation) => ({ phase, invalidation, cold: false })),
  ...invalidations.map((invalidation) => ({ phase, invalidation, cold: true })),
  // Once the fill is executed, setIfAbsent is right to say that there is a value.
  ...(phase === 'before the fill is acknowledged' ? [] : [{ phase, invalidation: ofNoEntry, cold: true }]),
]);

/** Whether the fill was in time, so that the invalidation met what it stored. */
export function filled({ phase }: Schedule): boolean {
  return phase === 'before the fill is acknowledged';
}

export function leftInL2(schedule: Schedule): number | undefined {
  if (schedule.invalidation.byVersion && schedule.phase === 'before the factory') return made;
  return schedule.invalidation.after(filled(schedule) ? made : schedule.cold ? undefined : before);
}

/** Brings a load to its phase. What it makes is old from there on, if something is invalidated. */
export async function loadingIn({ phase, cold }: Schedule, cache: TieredCache, gates: Gates) {
  const factory = deferred<number>();
  const began = deferred();
  const run = () => {
    began.resolve();
    return factory.promise;
  };
  const gate =
    phase === 'before the factory'
      ? gates.hold('load', 'reply')
      : phase === 'in the factory'
        ? undefined
        : gates.hold('fill', phase === 'before the fill is executed' ? 'request' : 'reply');
  const answer = cache.getOrSet('k', run, { forceFresh: !cold });
  if (gate === undefined) await began.promise;
  else {
    factory.resolve(made);
    await gate.arrived;
  }
  return {
    answer,
    goOn() {
      factory.resolve(made);
      gate?.release();
    },
  };
}
