import fc from 'fast-check';
import { expect, it } from 'vitest';
import { byTheSameChances, LockWorld } from '../support/locks/lock-world.js';
import type { LockProcess } from '../support/locks/simulated-process.js';

/** Who calls so much later has surely asked later. */
const apartMs = 20;
const longestTransit = 3;
/** A release, what it leads to, a request, and a second round: one way each, and what stragglers are waited for. */
const promptMs = 8 * longestTransit + 20;

const callers = fc.array(fc.record({ process: fc.nat(2), work: fc.integer({ min: 0, max: 60 }) }), {
  minLength: 2,
  maxLength: 12,
});
const transits = fc.array(fc.nat(longestTransit), { maxLength: 200, size: 'max' });

it.each([1, 3, 5])(
  'over %i servers those who wait have the lock in the order in which they asked, and soon',
  async (servers) => {
    const property = fc.asyncProperty(callers, transits, async (given, delays) => {
      const left = [...delays];
      const world = new LockWorld({ servers, processes: 3, transit: () => left.shift() ?? 1 });
      const order: number[] = [];
      let freeSince = Number.POSITIVE_INFINITY;
      let longest = 0;
      const pass = async (index: number, process: LockProcess, work: number) => {
        await process.pause(index * apartMs);
        const lock = await process.locks.acquire('door', { wait: 60_000 });
        longest = Math.max(longest, world.timeline.now - Math.max(freeSince, index * apartMs));
        order.push(index);
        await process.pause(work);
        freeSince = world.timeline.now;
        await lock.release();
      };
      await byTheSameChances(() =>
        world.outcome(
          Promise.all(given.map(({ process, work }, index) => pass(index, world.processes[process] as LockProcess, work))),
        ),
      );
      expect(order).toEqual(given.map((_, index) => index));
      expect(longest).toBeLessThanOrEqual(promptMs);
    });
    await fc.assert(property, { numRuns: 40 });
  },
);

it('two that were each given a part of the servers, and the same ticket by others, come apart', async () => {
  // Each reaches one of the servers first, and the third is away.
  const world = new LockWorld({ servers: 3, processes: 2, transit: ({ process, server }) => (process === server ? 1 : 3) });
  Object.assign(world.servers[2] ?? {}, { state: 'silent' });
  const pass = async ({ locks }: LockProcess) => (await locks.acquire('door', { wait: 1_000 })).release();
  await byTheSameChances(() => world.outcome(Promise.all(world.processes.map(pass))));
});
