import { describe, expect, it, vi } from 'vitest';
import { DeadlineError } from '../../src/errors.js';
import { pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

describe('one budget for all that a call asks of L2', () => {
  it('what the read took is gone for the fill; what the factory takes is not L2’s', async () => {
    const { process, clock, server } = world();
    const { cache, gates } = process('p');
    const read = gates.hold('read', 'reply');
    const fill = gates.hold('fill', 'request');
    const start = clock.monotonic();
    const answer = cache.getOrSet('k', () => new Promise((resolve) => clock.schedule(10_000, () => resolve('value'))));
    await read.arrived;
    await pass(clock, 300);
    read.release();
    await settled();
    await pass(clock, 10_000);
    expect(fill.waiting).toBe(true);
    const held = clock.monotonic();
    let answered = false;
    answer.then(() => {
      answered = true;
    });
    await pass(clock, 195);
    expect(answered).toBe(false);
    await pass(clock, 5);
    expect(await answer).toBe('value');
    expect(clock.monotonic() - held).toBe(200);
    expect(clock.monotonic() - start).toBe(10_500);
    fill.release();
    await settled();
    expect(server.read('k')).toBeUndefined();
  });

  it('an L2 that never answers costs the budget once, not once for each command', async () => {
    const { process, clock } = world();
    const { cache, gates, l2 } = process('p');
    for (const operation of ['read', 'load', 'fill', 'write', 'release']) gates.hold(operation);
    const answer = cache.getOrSet('k', () => 'value');
    await settled();
    await pass(clock, 495);
    expect(cache.peek('k')).toBeUndefined();
    await pass(clock, 5);
    expect(await answer).toBe('value');
    expect(l2.sent).toEqual(['read k']);
    expect(cache.stats().l2Errors).toBe(1);
  });

  it('a store without leases is not written to with nothing left', async () => {
    const { process, clock, server } = world();
    const { leases: _, ...store } = process('p').l2;
    let late = 0;
    const busy = { ...clock, monotonic: () => clock.monotonic() + late };
    const { cache } = simulatedProcess(busy, {
      ...store,
      async read(key, deadline) {
        const entry = await store.read(key, deadline);
        // The reply was there in time, but this process was busy and saw it late.
        late = 600;
        return entry;
      },
    });
    expect(await cache.getOrSet('k', () => 'value')).toBe('value');
    expect(server.read('k')).toBeUndefined();
    expect(cache.peek('k')).toBe('value');
    expect(cache.stats().l2Errors).toBe(0);
  });

  it('asking again while another process’s factory runs costs nothing', async () => {
    const { process, clock, server } = world({ leaseMs: 60_000 });
    server.load('k', 'theirs', '', Number.POSITIVE_INFINITY);
    const delayed = process('p', { pass: ({ phase }) => (phase === 'request' ? later() : undefined) });
    const later = () => new Promise<void>((resolve) => clock.schedule(20, () => resolve()));
    const answer = delayed.cache.getOrSet('k', () => 'mine');
    await pass(clock, 30_000, 10);
    expect(delayed.l2.sent.length).toBeGreaterThan(100);
    server.release('k', 'theirs');
    await pass(clock, 500, 10);
    expect(await answer).toBe('mine');
    expect(server.read('k')?.value).toBe('mine');
    expect(delayed.cache.stats().l2Errors).toBe(0);
  });

  it('but silence while asking again does', async () => {
    const { process, clock, server } = world({ leaseMs: 60_000 });
    server.load('k', 'theirs', '', Number.POSITIVE_INFINITY);
    const { cache, gates } = process('p');
    const answer = cache.getOrSet('k', () => 'mine');
    await pass(clock, 200);
    gates.hold('load');
    await pass(clock, 600);
    expect(await answer).toBe('mine');
    expect(cache.stats()).toMatchObject({ l2Errors: 1, factoryRuns: 1 });
  });

  it.each([
    ['get', 'read'],
    ['has', 'read'],
    ['delete', 'remove'],
    ['increment', 'increment'],
  ] as const)('%s takes its own', async (name, operation) => {
    const { process, clock } = world();
    const { cache, gates } = process('p');
    gates.hold(operation);
    const answer: Promise<unknown> =
      name === 'increment' ? cache.increment('k', 1, { budget: '50ms' }) : cache[name]('k', { budget: '50ms' });
    const settledAs = vi.fn();
    answer.then(settledAs, settledAs);
    await pass(clock, 45);
    expect(settledAs).not.toHaveBeenCalled();
    await pass(clock, 5);
    expect(settledAs).toHaveBeenCalledTimes(1);
    if (name === 'increment') await expect(answer).rejects.toBeInstanceOf(DeadlineError);
  });

  it('deletePattern has one for each batch', async () => {
    const { process, clock, server } = world();
    const { cache, gates } = process('p');
    await cache.setMany([
      ['a1', 1],
      ['a2', 2],
      ['b', 3],
    ]);
    const steps = (['scanLeases', 'scanEntries', 'removeMany'] as const).map((operation) => gates.hold(operation));
    const removed = cache.deletePattern('a*');
    for (const step of steps) {
      await step.arrived;
      await pass(clock, 400);
      step.release();
      await settled();
    }
    expect(await removed).toBe(2);
    expect(server.entryKeys()).toEqual(['b']);
  });

  it('a pattern whose scan was cut short is an outage: memory is cleared, and an event tells', async () => {
    const { process, clock } = world();
    const { cache, gates } = process('p');
    await cache.set('a', 1);
    const lines = trace(cache);
    gates.hold('scanEntries');
    const removed = cache.deletePattern('a*');
    await settled();
    await pass(clock, 500);
    expect(await removed).toBe(1);
    expect(cache.peek('a')).toBeUndefined();
    expect(lines).toContain('l2:error removeMatching');
  });
});
