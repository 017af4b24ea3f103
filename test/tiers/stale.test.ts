import { describe, expect, it, vi } from 'vitest';
import type { Factory } from '../../src/cache.js';
import { deferred, pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

const life = { ttl: 1_000, grace: 9_000 };

/** A process whose L1 and L2 hold a value that is stale now. */
async function withStale() {
  const w = world();
  const p = w.process('p', { defaults: life });
  await p.cache.set('k', 'old');
  await pass(w.clock, 1_000, 500);
  return { ...w, ...p };
}

describe('grace', () => {
  it('a stale value is no hit for get, getMany, has, ttl and peek, and getEntry shows it', async () => {
    const { cache, clock } = await withStale();
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getMany(['k'])).toEqual(new Map());
    expect(await cache.has('k')).toBe(false);
    expect(await cache.ttl('k')).toBeUndefined();
    expect(cache.peek('k')).toBeUndefined();
    expect(await cache.getEntry('k')).toMatchObject({ value: 'old', freshUntil: clock.now(), expiresAt: clock.now() + 9_000 });
  });

  it.each(['memory and L2', 'memory alone'])(
    'over %s a stale value stands in for a factory that fails, to its end',
    async (tiers) => {
      const { clock, process } = world();
      const { cache } =
        tiers === 'memory alone' ? simulatedProcess(clock, undefined, { defaults: life }) : process('p', { defaults: life });
      const error = new Error('no');
      const fail = () => Promise.reject(error);
      await cache.set('k', 'old');
      clock.advance(9_999);
      expect(await cache.getOrSet('k', fail)).toBe('old');
      clock.advance(1);
      await expect(cache.getOrSet('k', fail)).rejects.toBe(error);
      expect(await cache.getEntry('k')).toBeUndefined();
    },
  );

  it('standing in writes nothing: the entry keeps its end, and the next caller tries again', async () => {
    const { cache, clock, server } = await withStale();
    const before = server.read('k');
    const run = vi.fn().mockRejectedValueOnce(new Error('no')).mockResolvedValueOnce('new');
    expect(await cache.getOrSet('k', run, { errorBackoff: 0 })).toBe('old');
    expect(server.read('k')).toBe(before);
    expect(server.leasedKeys()).toEqual([]);
    expect(cache.peek('k')).toBeUndefined();
    expect(await cache.getOrSet('k', run)).toBe('new');
    expect(clock.pending).toBe(0);
  });

  it('a factory that says there is none takes the stale value for nobody', async () => {
    const { cache } = await withStale();
    expect(await cache.getOrSet('k', () => undefined)).toBeUndefined();
  });

  it('without grace nothing stands in', async () => {
    const { process, clock } = world();
    const { cache } = process('p');
    await cache.set('k', 'old', { ttl: '1s' });
    clock.advance(1_000);
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('while another process loads, the stale value answers at once', async () => {
    const { cache, process, clock, l2, core } = await withStale();
    const lines = trace(cache);
    const theirs = deferred<string>();
    const other = process('other').cache.getOrSet('k', () => theirs.promise);
    await settled();
    l2.sent.length = 0;
    const run = vi.fn(() => 'mine');
    expect(await cache.getOrSet('k', run)).toBe('old');
    expect(l2.sent).toEqual(['read k', 'load k']);
    expect(run).not.toHaveBeenCalled();
    expect(lines).toEqual(['miss k', 'hit l2 k stale']);
    theirs.resolve('theirs');
    await other;
    expect(await cache.getOrSet('k', run)).toBe('theirs');
    expect(core.fence.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('a delete takes the stale copies too, in every tier', async () => {
    const { cache, server, core } = await withStale();
    expect(await cache.delete('k')).toBe(true);
    expect(server.read('k')).toBeUndefined();
    expect(core.local.get('k')).toBeUndefined();
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('the newest stale value stands in, and is the one the factory is shown', async () => {
    const { cache, clock, gates, process } = await withStale();
    const gate = gates.hold('load');
    const shown: unknown[] = [];
    const factory: Factory<string> = ({ stale }) => {
      shown.push(stale?.value);
      throw new Error('no');
    };
    const answer = cache.getOrSet('k', factory, { budget: '1m' });
    await gate.arrived;
    await process('other').cache.set('k', 'newer', life);
    clock.advance(1_000);
    gate.release();
    expect(await answer).toBe('newer');
    expect(shown).toEqual(['newer']);
  });

  it('what was deleted before the factory began is not shown to it', async () => {
    const { cache, gates } = await withStale();
    const gate = gates.hold('load');
    const answer = cache.getOrSet('k', ({ stale }) => `stale: ${stale?.value}`);
    await gate.arrived;
    await cache.delete('k');
    gate.release();
    expect(await answer).toBe('stale: undefined');
  });

  it('a stale value that was deleted while its load waited for the lease does not stand in for those who come later', async () => {
    const { cache, clock, gates } = await withStale();
    const gate = gates.hold('load', 'request');
    const factory = deferred<string>();
    const first = cache.getOrSet('k', () => factory.promise);
    await gate.arrived;
    await cache.delete('k');
    gate.release();
    await settled();
    const later = cache.getOrSet('k', () => Promise.reject(new Error('the other one')));
    await pass(clock, 20);
    const error = new Error('no');
    factory.reject(error);
    await expect(first).rejects.toBe(error);
    await expect(later).rejects.toBe(error);
  });
});

describe('promotion', () => {
  it.each(['get', 'getEntry', 'getMany', 'getOrSet'] as const)('%s copies an entry with its own end', async (reader) => {
    const { clock, process, server } = world();
    await process('writer').cache.set('k', 'v', { ttl: 10_000, grace: 5_000 });
    clock.advance(6_000);
    const { cache, core } = process('reader', { defaults: { ttl: 3_600_000, grace: 3_600_000 } });
    if (reader === 'getMany') await cache.getMany(['k']);
    else if (reader === 'getOrSet') await cache.getOrSet('k', () => 'never');
    else await cache[reader]('k');
    expect(core.local.get('k')).toMatchObject({ ...server.read('k'), epoch: 1 });
    expect(await cache.ttl('k')).toBe(4_000);
    clock.advance(4_000);
    expect(await cache.get('k')).toBeUndefined();
    clock.advance(5_000);
    expect(await cache.getEntry('k')).toBeUndefined();
  });

  it('a stale entry is not promoted', async () => {
    const { process, clock } = world();
    await process('writer').cache.set('k', 'v', { ttl: 1_000, grace: 5_000 });
    clock.advance(1_000);
    const { cache, core } = process('reader');
    await cache.getEntry('k');
    expect(core.local.size).toBe(0);
  });

  it('for ever is for ever in every tier', async () => {
    const { process, clock } = world();
    await process('writer').cache.set('k', 'v', { ttl: Number.POSITIVE_INFINITY });
    const { cache } = process('reader');
    expect(await cache.ttl('k')).toBe(Number.POSITIVE_INFINITY);
    clock.advance(1e15);
    expect(cache.peek('k')).toBe('v');
    expect(await cache.expire('k', '1s')).toBe(true);
    expect(await cache.ttl('k')).toBe(1_000);
  });
});
