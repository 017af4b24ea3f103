import { describe, expect, it, vi } from 'vitest';
import { FactoryTimeoutError } from '../../src/errors.js';
import { deferred, pass, settled, type World, type WorldProcess, world } from '../support/simulated-process.js';

/** What the process that failed draws its back-off from, ms, and after how long others heed no more failures. */
const [shortest, longest, patience] = [100, 250, 1_000];
/** After how long a process that is not woken looks again at the latest, ms. */
const longestPoll = 75;
const callers = 5;

/** Processes whose factories fail at once, and when each of them ran. */
function failing(count: number, bus: 'on' | 'off') {
  const w = world();
  const runs: { process: string; at: number }[] = [];
  const processes = Array.from({ length: count }, (_, index) => {
    const name = `p${index}`;
    const call = (process: WorldProcess) =>
      process.cache.getOrSet('k', async () => {
        runs.push({ process: name, at: w.clock.monotonic() });
        throw new Error(`of ${name}`);
      });
    return { name, call, process: w.process(name, { bus }) };
  });
  const trusted = async () => {
    if (bus === 'on') await Promise.all(processes.map(({ process }) => process.cache.ready()));
  };
  return { ...w, runs, processes, trusted };
}

describe.each(['on', 'off'] as const)('a factory that always fails in many processes, with the bus %s', (bus) => {
  it.each([4, 8, 20])(
    '%i: runs once in each, one after the other with a back-off between, for about a second',
    async (count) => {
      const { clock, runs, processes, trusted } = failing(count, bus);
      await trusted();
      const start = clock.monotonic();
      const told: { process: string; error: unknown; after: number }[] = [];
      for (const { name, call, process } of processes) {
        for (let caller = 0; caller < callers; caller++) {
          call(process).catch((error: unknown) => told.push({ process: name, error, after: clock.monotonic() - start }));
        }
      }
      // Those that are put off no more run one after the other, and without the bus each has to find out when it may.
      await pass(clock, patience + longest + count * longestPoll, 1);

      expect(told).toHaveLength(count * callers);
      expect(runs.map(({ process }) => process).sort()).toEqual(processes.map(({ name }) => name).sort());
      for (const { name } of processes) {
        const errors = told.filter(({ process }) => process === name).map(({ error }) => error);
        expect(new Set(errors).size).toBe(1);
        expect(errors[0]).toEqual(new Error(`of ${name}`));
      }
      const patient = runs.filter(({ at }) => at - start < patience);
      expect(patient.length).toBeGreaterThanOrEqual(Math.min(count, Math.floor(patience / (longest + 25))));
      // The first two may come as close as it takes the first loader to be told that somebody waits.
      for (const [index, { at }] of patient.entries()) {
        if (index > 0) expect(at - (patient[index - 1]?.at ?? 0)).toBeGreaterThanOrEqual(shortest);
      }
      if (bus === 'off') expect(clock.pending).toBe(0);
    },
  );

  it('under callers that come again at once: no more than one run for each back-off, and one a second for each process', async () => {
    const { clock, runs, processes, trusted } = failing(8, bus);
    await trusted();
    let over = false;
    const insistent = processes.map(async ({ call, process }) => {
      while (!over) await call(process).catch(() => undefined);
    });
    const seconds = 5;
    await pass(clock, seconds * 1_000, 1);
    over = true;
    await pass(clock, patience + longest + 8 * longestPoll, 1);
    await Promise.all(insistent);
    expect(runs.length).toBeLessThanOrEqual((seconds + 2) * (1_000 / shortest + 8));
    expect(new Set(runs.map(({ process }) => process)).size).toBe(8);
  });
});

/** A process whose factory fails while the other waits for it. */
async function putOff(options: { bus?: 'on' | 'off' } = {}) {
  const w: World = world();
  const { bus = 'on' } = options;
  const [first, second] = [w.process('first', { bus }), w.process('second', { bus })];
  await Promise.all([first, second].map(({ cache }) => (bus === 'on' ? cache.ready() : undefined)));
  const theirs = deferred<string>();
  const failed = first.cache.getOrSet('k', () => theirs.promise);
  await settled();
  const run = vi.fn(() => 'own');
  const answer = second.cache.getOrSet('k', run);
  answer.catch(() => undefined);
  await settled();
  theirs.reject(new Error('theirs'));
  await expect(failed).rejects.toThrow('theirs');
  return { ...w, first, second, run, answer, bus };
}

describe('whoever is put off by a failure', () => {
  it('tries itself when the back-off is over, and the others take what it makes', async () => {
    const { clock, process, run, answer } = await putOff();
    const others = ['c', 'd'].map((name) => process(name, { bus: 'on' }).cache.getOrSet('k', run));
    await pass(clock, shortest - 5, 1);
    expect(run).not.toHaveBeenCalled();
    await pass(clock, longest, 1);
    expect(await Promise.all([answer, ...others])).toEqual(['own', 'own', 'own']);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('may be the process that failed, when it comes again', async () => {
    const { clock, first, run, answer } = await putOff();
    const again = first.cache.getOrSet('k', run);
    await pass(clock, shortest - 5, 1);
    expect(run).not.toHaveBeenCalled();
    await pass(clock, longest, 1);
    expect([await answer, await again, run.mock.calls.length]).toEqual(['own', 'own', 1]);
  });

  it('takes a value that is set meanwhile, at once', async () => {
    const { process, run, answer, server } = await putOff();
    await process('third', { bus: 'on' }).cache.set('k', 'set');
    await settled();
    expect(await answer).toBe('set');
    expect(run).not.toHaveBeenCalled();
    expect(server.leasedKeys()).toEqual([]);
  });

  it('tries at once after a delete: what failed was about something older', async () => {
    const { process, answer, run } = await putOff();
    await process('third', { bus: 'on' }).cache.delete('k');
    await settled();
    await settled();
    expect(await answer).toBe('own');
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('waits no longer than its hard time-out', async () => {
    const { clock, process } = await putOff();
    const third = process('third', { bus: 'on', defaults: { hardTimeout: 50 } });
    const answer = third.cache.getOrSet('k', () => 'third');
    answer.catch(() => undefined);
    await pass(clock, 55, 1);
    await expect(answer).rejects.toBeInstanceOf(FactoryTimeoutError);
  });

  it('serves a stale value instead, if it has one', async () => {
    const w = world();
    const [first, second] = [w.process('first'), w.process('second')];
    await first.cache.set('k', 'stale', { ttl: '1s', grace: '1h' });
    w.clock.advance(1_500);
    w.server.leases.set('k', { token: 'theirs', base: '', until: w.clock.now() + 200, waited: false, failed: true });
    const run = vi.fn(() => 'fresh');
    expect(await second.cache.getOrSet('k', run)).toBe('stale');
    expect(run).not.toHaveBeenCalled();
  });
});

describe('a failure that puts nobody off', () => {
  it('one that nobody waited for: the next caller tries at once, here and elsewhere', async () => {
    const { process, server } = world();
    const [first, second] = [process('first'), process('second')];
    const fail = vi.fn(() => Promise.reject(new Error('no')));
    for (let turn = 0; turn < 3; turn++) await expect(first.cache.getOrSet('k', fail)).rejects.toThrow('no');
    expect(fail).toHaveBeenCalledTimes(3);
    expect(server.leasedKeys()).toEqual([]);
    expect(await second.cache.getOrSet('k', () => 'value')).toBe('value');
  });

  it('one in whose place a stale value stands', async () => {
    const { process, server, clock } = world();
    const [first, second] = [process('first'), process('second')];
    await first.cache.set('k', 'stale', { ttl: '1s', grace: '1h' });
    clock.advance(1_500);
    const theirs = deferred<string>();
    const answer = first.cache.getOrSet('k', () => theirs.promise, { errorBackoff: 0 });
    await settled();
    expect(await second.cache.getOrSet('k', () => 'fresh')).toBe('stale');
    theirs.reject(new Error('no'));
    expect(await answer).toBe('stale');
    expect(server.leasedKeys()).toEqual([]);
  });

  it('one of a loader whose lease was voided', async () => {
    const { process, server } = world();
    const [first, second] = [process('first'), process('second')];
    const theirs = deferred<string>();
    const failed = first.cache.getOrSet('k', () => theirs.promise);
    await settled();
    await second.cache.delete('k');
    theirs.reject(new Error('no'));
    await expect(failed).rejects.toThrow('no');
    expect(server.leasedKeys()).toEqual([]);
  });
});
