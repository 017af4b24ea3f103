import { describe, expect, it } from 'vitest';
import { Gates } from '../support/gates.js';
import { settled, simulatedProcess, world } from '../support/simulated-process.js';
import { before, filled, leftInL2, loadingIn, made, schedules } from '../support/stale-fill.js';

/** Clearing voids no lease: label-races has what it does to a load. */
const byKey = schedules.filter(({ invalidation }) => !invalidation.byVersion);

describe('a load that was overtaken stores nothing (R1)', () => {
  describe.each([{ across: false }, { across: true }])('invalidated by another process: $across', ({ across }) => {
    it.each(byKey)('$invalidation.name $phase (cold: $cold)', async (schedule) => {
      const { server, process } = world();
      const loader = process('loader');
      const invalidator = across ? process('invalidator') : loader;
      if (!schedule.cold) await invalidator.cache.set('k', before);
      const load = await loadingIn(schedule, loader.cache, loader.gates);

      await schedule.invalidation.run(invalidator.cache);
      load.goOn();
      expect(await load.answer).toBe(made);
      await settled();

      expect(server.read('k')?.value).toBe(leftInL2(schedule));
      expect(server.leasedKeys()).toEqual([]);
      // Another process's L1 learns of it by the bus, which is not there yet: a fill that was in time may stay until its TTL.
      const told = across && filled(schedule) ? [invalidator] : [loader, invalidator];
      for (const { core, cache } of told) {
        expect([undefined, server.read('k')?.stamp]).toContain(core.local.get('k')?.stamp);
        expect(await cache.get('k')).toBe(leftInL2(schedule));
      }
      expect(loader.core.fence.size).toBe(0);
      expect(loader.core.flights.size).toBe(0);
      expect(loader.cache.stats().refusedFills).toBe(filled(schedule) ? 0 : 1);
    });
  });

  it.each(byKey.filter(({ invalidation }) => invalidation.after(made) === undefined))(
    'a caller after $invalidation.name $phase does not join it (cold: $cold)',
    async (schedule) => {
      const { server, process } = world();
      const loader = process('loader');
      if (!schedule.cold) await loader.cache.set('k', before);
      const load = await loadingIn(schedule, loader.cache, loader.gates);
      await schedule.invalidation.run(loader.cache);

      expect(await loader.cache.getOrSet('k', () => 40)).toBe(40);
      load.goOn();
      expect(await load.answer).toBe(made);
      await settled();
      expect(server.read('k')?.value).toBe(40);
      expect(await loader.cache.get('k')).toBe(40);
    },
  );

  it.each(schedules.filter(({ phase }) => phase === 'in the factory'))(
    'without L2 the fence alone holds it off: $invalidation.name (cold: $cold)',
    async (schedule) => {
      const { cache, core } = simulatedProcess(world().clock, undefined);
      if (!schedule.cold) await cache.set('k', before, { ttl: '1h' });
      const load = await loadingIn(schedule, cache, new Gates());
      await schedule.invalidation.run(cache);
      const kept = core.local.get('k');
      load.goOn();
      expect(await load.answer).toBe(made);
      expect(core.local.get('k')).toBe(kept);
      expect(kept?.value).toBe(leftInL2(schedule));
      expect(core.fence.size).toBe(0);
    },
  );
});
