import { describe, expect, it, vi } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { deferred, settled, simulatedProcess, type WorldProcess, world } from '../support/simulated-process.js';

/** What stands in L2 before, what the factory makes of the source as it was then, and what is written meanwhile. */
const before = 10;
const made = 20;
const written = 30;

type Phase = 'before the factory' | 'in the factory' | 'before the fill is executed' | 'before the fill is acknowledged';
const phases: readonly Phase[] = [
  'before the factory',
  'in the factory',
  'before the fill is executed',
  'before the fill is acknowledged',
];

interface Invalidation {
  readonly name: string;
  run(cache: TieredCache): Promise<unknown>;
  /** What L2 holds in the end: if it met the entry that was there before, and if it met what was filled. */
  after(met: number | undefined): number | undefined;
}

const invalidations: readonly Invalidation[] = [
  { name: 'delete', run: (cache) => cache.delete('k'), after: () => undefined },
  { name: 'deleteMany', run: (cache) => cache.deleteMany(['other', 'k']), after: () => undefined },
  { name: 'deletePattern', run: (cache) => cache.deletePattern('k*'), after: () => undefined },
  { name: 'clear', run: (cache) => cache.clear(), after: () => undefined },
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

const ofAnEntry: Invalidation = { name: 'expire', run: (cache) => cache.expire('k', 1_000), after: (met) => met };
const ofNoEntry: Invalidation = { name: 'setIfAbsent', run: (cache) => cache.setIfAbsent('k', written), after: () => written };

const schedules = phases.flatMap((phase) => [
  ...[...invalidations, ofAnEntry].map((invalidation) => ({ phase, invalidation, cold: false })),
  ...invalidations.map((invalidation) => ({ phase, invalidation, cold: true })),
  // Once the fill is executed, setIfAbsent is right to say that there is a value.
  ...(phase === 'before the fill is acknowledged' ? [] : [{ phase, invalidation: ofNoEntry, cold: true }]),
]);

/** Brings a load to a phase. What it read is old from there on, if something is invalidated. */
async function loadingIn(phase: Phase, loader: WorldProcess, cold: boolean) {
  const factory = deferred<number>();
  const run = vi.fn(() => factory.promise);
  const gate =
    phase === 'before the factory'
      ? loader.gates.hold('load', 'reply')
      : phase === 'in the factory'
        ? undefined
        : loader.gates.hold('fill', phase === 'before the fill is executed' ? 'request' : 'reply');
  const answer = loader.cache.getOrSet('k', run, { forceFresh: !cold });
  await settled();
  if (phase !== 'in the factory') factory.resolve(made);
  await gate?.arrived;
  expect(run).toHaveBeenCalledTimes(phase === 'before the factory' ? 0 : 1);
  return {
    answer,
    goOn() {
      factory.resolve(made);
      gate?.release();
    },
  };
}

describe('a load that was overtaken stores nothing (R1)', () => {
  describe.each([{ across: false }, { across: true }])('invalidated by another process: $across', ({ across }) => {
    it.each(schedules)('$invalidation.name $phase (cold: $cold)', async ({ phase, invalidation, cold }) => {
      const { server, process } = world();
      const loader = process('loader');
      const invalidator = across ? process('invalidator') : loader;
      if (!cold) await invalidator.cache.set('k', before);
      const load = await loadingIn(phase, loader, cold);

      await invalidation.run(invalidator.cache);
      load.goOn();
      expect(await load.answer).toBe(made);
      await settled();

      const filled = phase === 'before the fill is acknowledged';
      const met = filled ? made : cold ? undefined : before;
      expect(server.read('k')?.value).toBe(invalidation.after(met));
      expect(server.leasedKeys()).toEqual([]);
      // Another process's L1 learns of it by the bus, which is not there yet: a fill that was in time may stay until its TTL.
      const told = across && filled ? [invalidator] : [loader, invalidator];
      for (const { core, cache } of told) {
        expect([undefined, server.read('k')?.stamp]).toContain(core.local.get('k')?.stamp);
        expect(await cache.get('k')).toBe(invalidation.after(met));
      }
      expect(loader.core.fence.size).toBe(0);
      expect(loader.core.flights.size).toBe(0);
      expect(loader.cache.stats().refusedFills).toBe(filled ? 0 : 1);
    });
  });

  it.each(schedules.filter(({ invalidation }) => invalidation.after(made) === undefined))(
    'a caller after $invalidation.name $phase does not join it (cold: $cold)',
    async ({ phase, invalidation, cold }) => {
      const { server, process } = world();
      const loader = process('loader');
      if (!cold) await loader.cache.set('k', before);
      const load = await loadingIn(phase, loader, cold);
      await invalidation.run(loader.cache);

      const later = loader.cache.getOrSet('k', () => 40);
      await settled();
      expect(await later).toBe(40);
      load.goOn();
      expect(await load.answer).toBe(made);
      await settled();
      expect(server.read('k')?.value).toBe(40);
      expect(await loader.cache.get('k')).toBe(40);
    },
  );

  it.each(invalidations)('without L2 the fence alone holds it off: $name', async (invalidation) => {
    const { clock } = world();
    const { cache, core } = simulatedProcess(clock, undefined);
    await cache.set('k', before);
    const factory = deferred<number>();
    const answer = cache.getOrSet('k', () => factory.promise, { forceFresh: true });
    await settled();
    await invalidation.run(cache);
    factory.resolve(made);
    expect(await answer).toBe(made);
    expect(await cache.get('k')).toBe(invalidation.after(before));
    expect(core.fence.size).toBe(0);
  });
});
