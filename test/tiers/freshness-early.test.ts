import { describe, expect, it, vi } from 'vitest';
import { deferred, type ProcessOptions, pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

/** The latest draw: whoever draws it is chosen some 14 times the cost before the end. The other is chosen at the end only. */
const eager = 1 - 1e-6;
const never = 0;

/** A process that has a fresh value which took 100 ms to make and has 600 ms left; what it draws is told by `draws`. */
async function withFresh(options: ProcessOptions & { bus?: 'on' | 'off' } = {}) {
  const w = world();
  const draws = { next: never, count: 0 };
  const random = () => {
    draws.count += 1;
    return draws.next;
  };
  const defaults = { ttl: 1_000, beta: 1 };
  const p = w.process('p', { defaults, random, ...options });
  await p.cache.ready();
  await p.cache.getOrSet('k', async () => {
    w.clock.advance(100);
    return 'old';
  });
  await pass(w.clock, 400, 100);
  p.l2.sent.length = 0;
  const made = deferred<string>();
  const factory = vi.fn(() => made.promise);
  return { ...w, ...p, lines: trace(p.cache), made, factory, draws };
}

describe('early refresh', () => {
  it('on a hit in L1 one new value is made in the background while the fresh one serves', async () => {
    const { cache, core, clock, lines, l2, server, made, factory, draws } = await withFresh();
    expect(server.read('k')?.cost).toBe(100);
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await settled();
    expect(factory).not.toHaveBeenCalled();
    draws.next = eager;
    for (let call = 0; call < 5; call += 1) {
      expect(await cache.getOrSet('k', factory)).toBe('old');
      await settled();
    }
    expect(factory).toHaveBeenCalledTimes(1);
    draws.next = never;
    made.resolve('new');
    await settled();
    expect(await cache.getOrSet('k', factory)).toBe('new');
    expect(lines).toEqual([
      ...['hit l1 k', 'hit l1 k', 'factory:start k', 'hit l1 k', 'hit l1 k', 'hit l1 k', 'hit l1 k'],
      ...['factory:end k', 'hit l1 k'],
    ]);
    expect(l2.sent).toEqual(['read k', 'load k', 'fill k']);
    expect(server.read('k')).toMatchObject({ value: 'new', freshUntil: clock.now() + 1_000 });
    expect(cache.stats()).toMatchObject({ staleServed: 0, coalesced: 0, l2: { hits: 0 } });
    expect([core.refreshes.running, core.flights.size, core.fence.size, clock.pending]).toEqual([0, 0, 0, 0]);
  });

  it.each(['tier', 'stand-in'] as const)(
    'on a hit in L2 (%s) the value is given at once, counted once, and one is made',
    async (localRole) => {
      const { process, server, made, factory, clock } = await withFresh();
      const q = process('q', { defaults: { ttl: 1_000, beta: 1 }, random: () => eager, localRole, bus: 'on' });
      await q.cache.ready();
      const lines = trace(q.cache);
      expect(await q.cache.getOrSet('k', factory)).toBe('old');
      await settled();
      expect(await q.cache.getOrSet('k', factory)).toBe('old');
      expect(factory).toHaveBeenCalledTimes(1);
      made.resolve('new');
      await settled();
      expect(server.read('k')?.value).toBe('new');
      const second = localRole === 'tier' ? ['hit l1 k'] : [];
      expect(lines).toEqual(['hit l2 k', 'factory:start k', ...second, 'factory:end k']);
      expect(q.cache.stats()).toMatchObject({ misses: 0, staleServed: 0, l2: { hits: 1, misses: 0 } });
      expect([q.core.refreshes.running, q.core.flights.size, q.core.fence.size]).toEqual([0, 0, 0]);
      await q.cache.close();
      expect(clock.awaited).toBe(0);
    },
  );

  it('over memory alone too', async () => {
    const { clock } = world();
    const { cache } = simulatedProcess(clock, undefined, { defaults: { ttl: 1_000, beta: 1 }, random: () => eager });
    await cache.getOrSet('k', async () => {
      clock.advance(100);
      return 'old';
    });
    clock.advance(400);
    expect(await cache.getOrSet('k', () => 'new')).toBe('old');
    await settled();
    expect(cache.peek('k')).toBe('new');
    expect(await cache.ttl('k')).toBe(1_000);
  });

  it('what another process made is taken, without a run of its own and without a second hit', async () => {
    const { cache, process, lines, factory, draws } = await withFresh();
    await process('other').cache.set('k', 'theirs', { ttl: 10_000 });
    draws.next = eager;
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await settled();
    expect(await cache.getOrSet('k', factory)).toBe('theirs');
    expect(factory).not.toHaveBeenCalled();
    expect(lines).toEqual(['hit l1 k', 'hit l1 k']);
  });

  it('a hit in L2 is counted once, also if another process fills it before the lease is asked for', async () => {
    const { process, factory } = await withFresh();
    const q = process('q', { defaults: { ttl: 1_000, beta: 1 }, random: () => eager });
    const lines = trace(q.cache);
    const gate = q.gates.hold('load');
    expect(await q.cache.getOrSet('k', factory)).toBe('old');
    await gate.arrived;
    await process('other').cache.set('k', 'theirs', { ttl: 10_000 });
    gate.release();
    await settled();
    expect(q.cache.peek('k')).toBe('theirs');
    expect(lines).toEqual(['hit l2 k', 'hit l1 k']);
    expect(q.cache.stats().l2).toEqual({ hits: 1, misses: 0 });
  });

  it('while another process makes it, the fresh value serves, and nobody waits', async () => {
    const { cache, process, made, factory, draws, clock } = await withFresh();
    draws.next = eager;
    await cache.getOrSet('k', factory);
    await settled();
    const q = process('q', { defaults: { ttl: 1_000, beta: 1 }, random: () => eager });
    const theirs = vi.fn(() => 'theirs');
    for (let call = 0; call < 20; call += 1) {
      expect(await q.cache.getOrSet('k', theirs)).toBe('old');
      await pass(clock, 5);
    }
    expect(theirs).not.toHaveBeenCalled();
    expect(q.l2.sent.filter((line) => line === 'load k')).toHaveLength(1);
    made.resolve('new');
    await settled();
    expect(q.cache.stats()).toMatchObject({ misses: 0, staleServed: 0 });
  });

  it('what is deleted meanwhile stays deleted', async () => {
    const { cache, server, made, factory, draws } = await withFresh();
    draws.next = eager;
    await cache.getOrSet('k', factory);
    await settled();
    await cache.delete('k');
    made.resolve('before');
    await settled();
    expect(server.read('k')).toBeUndefined();
    expect(await cache.get('k')).toBeUndefined();
  });

  it('off it draws nothing on a hit and begins nothing: per cache, or per call', async () => {
    const { process, cache, draws, factory } = await withFresh();
    draws.next = eager;
    draws.count = 0;
    expect(await cache.getOrSet('k', factory, { earlyRefresh: false })).toBe('old');
    const off = process('off', { defaults: { ttl: 1_000 }, random: () => expect.fail('a draw') });
    await off.cache.get('k');
    expect(await off.cache.getOrSet('k', factory)).toBe('old');
    expect(await off.cache.getOrSet('k', factory, { swr: 5 })).toBe('old');
    await settled();
    expect(draws.count).toBe(0);
    expect(factory).not.toHaveBeenCalled();
  });

  it('on for one call only, with a beta of its own', async () => {
    const { process, made, factory } = await withFresh();
    const q = process('q', { defaults: { ttl: 1_000 }, random: () => 0.9 });
    // 100 ms * -ln(0.1) = 230 ms before the end, at beta 1; there are 600 left.
    await q.cache.getOrSet('k', factory, { earlyRefresh: true });
    await settled();
    expect(factory).not.toHaveBeenCalled();
    await q.cache.getOrSet('k', factory, { earlyRefresh: { beta: 3 } });
    await settled();
    expect(factory).toHaveBeenCalledTimes(1);
    made.resolve('new');
    await settled();
    expect(q.cache.peek('k')).toBe('new');
  });

  it('what was set took no time to make and is never refreshed early', async () => {
    const { cache, clock, draws, factory } = await withFresh();
    await cache.set('s', 1, { ttl: 1_000 });
    await pass(clock, 999, 333);
    draws.next = eager;
    expect(await cache.getOrSet('s', factory)).toBe(1);
    await settled();
    expect(factory).not.toHaveBeenCalled();
  });
});
