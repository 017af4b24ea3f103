import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, vi } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import {
  type Deferred,
  deferred,
  type ProcessOptions,
  pass,
  settled,
  simulatedProcess,
  trace,
  world,
} from '../support/simulated-process.js';

const life = { ttl: 1_000, swr: 5_000 };

/** A process whose L1 and L2 hold a value that has been stale for a second. */
async function withStale(options: ProcessOptions & { bus?: 'on' | 'off' } = {}) {
  const w = world();
  const p = w.process('p', { defaults: life, ...options });
  await p.cache.ready();
  await p.cache.set('k', 'old');
  await pass(w.clock, 2_000, 500);
  p.l2.sent.length = 0;
  const lines = trace(p.cache);
  const made = deferred<string>();
  const factory = vi.fn(() => made.promise);
  return { ...w, ...p, lines, made, factory };
}

async function finish(made: Deferred<string>, value = 'new'): Promise<void> {
  made.resolve(value);
  await settled();
}

describe('stale while revalidate', () => {
  it('serves the stale copy of L1 at once, makes one new value in the background, and serves that', async () => {
    const { cache, core, clock, l2, lines, made, factory } = await withStale();
    expect(await Promise.all([1, 2, 3].map(() => cache.getOrSet('k', factory)))).toEqual(['old', 'old', 'old']);
    await settled();
    expect(await cache.getOrSet('k', factory)).toBe('old');
    expect(factory).toHaveBeenCalledTimes(1);
    expect(core.refreshes.running).toBe(1);
    await finish(made);
    expect(await cache.getOrSet('k', factory)).toBe('new');
    const stale = ['miss k', 'hit l1 k stale'];
    expect(lines).toEqual([...stale, ...stale, ...stale, 'factory:start k', ...stale, 'factory:end k', 'hit l1 k']);
    expect(l2.sent).toEqual(['read k', 'load k', 'fill k']);
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 4, staleServed: 4, factoryRuns: 1, coalesced: 0 });
    expect([core.refreshes.running, core.flights.size, core.fence.size, clock.pending]).toEqual([0, 0, 0, 0]);
  });

  it('serves the stale value of L2 where this process has none, and makes one in the background', async () => {
    const { process, clock, server, made, factory } = await withStale();
    const { cache, core, l2 } = process('q', { defaults: life });
    const lines = trace(cache);
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await settled();
    // Who comes meanwhile gets it of the load that runs.
    expect(await cache.getOrSet('k', factory)).toBe('old');
    expect(factory).toHaveBeenCalledTimes(1);
    await finish(made);
    expect(lines).toEqual(['miss k', 'hit l2 k stale', 'factory:start k', 'hit l2 k stale', 'factory:end k']);
    expect(l2.sent).toEqual(['read k', 'load k', 'fill k']);
    expect(cache.stats()).toMatchObject({ misses: 1, staleServed: 2, coalesced: 1, factoryRuns: 1 });
    expect(server.read('k')?.value).toBe('new');
    expect([core.refreshes.running, core.flights.size, core.fence.size, clock.pending]).toEqual([0, 0, 0, 0]);
  });

  it('over memory alone does the same', async () => {
    const clock = world().clock;
    const { cache, core } = simulatedProcess(clock, undefined, { defaults: life });
    await cache.set('k', 'old');
    clock.advance(1_000);
    expect(await cache.getOrSet('k', () => 'new')).toBe('old');
    await settled();
    expect(await cache.getOrSet('k', () => 'never')).toBe('new');
    expect(core.refreshes.running).toBe(0);
  });

  it('ends when swr does: then callers wait, and the value may still stand in within grace', async () => {
    const { cache, clock, factory, made } = await withStale({ defaults: { ...life, grace: 60_000 } });
    await pass(clock, 3_999, 1_000);
    expect(await cache.getOrSet('k', () => deferred<string>().promise, { hardTimeout: 1 })).toBe('old');
    await pass(clock, 2, 1);
    const waiting = cache.getOrSet('k', factory, { forceFresh: true });
    await settled();
    await finish(made);
    expect(await waiting).toBe('new');
    await pass(clock, 6_000, 1_000);
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('no')))).resolves.toBe('new');
  });

  it('keeps the value as long as it is to be served, however short the grace', async () => {
    const { cache, clock, server } = await withStale();
    expect(server.read('k')).toMatchObject({ freshUntil: clock.now() - 1_000, expiresAt: clock.now() + 4_000 });
    await cache.set('l', 1, { grace: 10_000 });
    expect(server.read('l')?.expiresAt).toBe(clock.now() + 11_000);
  });

  it('is of getOrSet alone: get, getMany, has and peek give nothing stale', async () => {
    const { cache } = await withStale();
    expect([await cache.get('k'), await cache.has('k'), cache.peek('k')]).toEqual([undefined, false, undefined]);
    expect(await cache.getMany(['k'])).toEqual(new Map());
  });

  it('makes the value anew in one process of several; the others serve on and ask L2 now and then only', async () => {
    const { cache, process, clock, l2, made, factory } = await withStale();
    const other = process('other', { defaults: life });
    await other.cache.getEntry('k');
    const theirs = vi.fn(() => 'theirs');
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await settled();
    l2.sent.length = 0;
    other.l2.sent.length = 0;
    for (let call = 0; call < 100; call += 1) {
      expect(await other.cache.getOrSet('k', theirs, { outage: 'serve' })).toBe('old');
      await pass(clock, 5);
    }
    expect(theirs).not.toHaveBeenCalled();
    // Half a second: a read and a try for the lease each quarter.
    const asked = other.l2.sent.filter((line) => line === 'load k').length;
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThanOrEqual(3);
    await finish(made);
    await pass(clock, 500, 50);
    await other.cache.getOrSet('k', theirs);
    await settled();
    expect(await other.cache.getOrSet('k', theirs)).toBe('new');
    expect(theirs).not.toHaveBeenCalled();
  });

  it('with a bus the others have the new value as soon as they hear of it', async () => {
    const { cache, process, clock, made, factory } = await withStale({ bus: 'on' });
    const other = process('other', { defaults: life, bus: 'on' });
    await other.cache.ready();
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await settled();
    expect(await other.cache.getOrSet('k', () => 'theirs')).toBe('old');
    await finish(made);
    await pass(clock, 10);
    expect(await other.cache.getOrSet('k', () => 'theirs')).toBe('new');
  });

  it('takes what another process made since, without a run of its own', async () => {
    const { cache, process, clock, lines, factory } = await withStale();
    await process('other').cache.set('k', 'theirs', { ttl: 60_000 });
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await settled();
    expect(await cache.getOrSet('k', factory)).toBe('theirs');
    expect(factory).not.toHaveBeenCalled();
    expect(lines).toEqual(['miss k', 'hit l1 k stale', 'hit l1 k']);
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, l2: { hits: 0, misses: 0 } });
    expect(clock.pending).toBe(0);
  });

  it('forceFresh waits, and who comes meanwhile still has the stale value', async () => {
    const { cache, made, factory } = await withStale();
    const forced = cache.getOrSet('k', factory, { forceFresh: true });
    await settled();
    expect(await cache.getOrSet('k', () => 'never')).toBe('old');
    await finish(made);
    expect(await forced).toBe('new');
    expect(await cache.getOrSet('k', () => 'never')).toBe('new');
  });

  it('whoever wants no stale value joins the refresh that runs and waits for what it brings', async () => {
    const { cache, made, factory } = await withStale();
    await cache.getOrSet('k', factory);
    await settled();
    const waiting = cache.getOrSet('k', () => 'never', { swr: 0 });
    await settled();
    await finish(made);
    expect(await waiting).toBe('new');
    expect(factory).toHaveBeenCalledTimes(1);
  });

  it('a refresh that takes longer than the hard time-out counts nothing as served, and is given up after another', async () => {
    const { cache, core, clock, factory, server } = await withStale({ defaults: { ...life, swr: 60_000, hardTimeout: 1_000 } });
    let signal: AbortSignal | undefined;
    factory.mockImplementation(((context: { signal: AbortSignal }) => {
      signal = context.signal;
      return new Promise<string>(() => undefined);
    }) as never);
    await cache.getOrSet('k', factory);
    await pass(clock, 1_100, 100);
    expect(signal?.aborted).toBe(true);
    expect(cache.stats()).toMatchObject({ misses: 1, staleServed: 1 });
    expect(server.leasedKeys()).toEqual(['k']);
    await pass(clock, 1_100, 100);
    expect(server.leasedKeys()).toEqual([]);
    expect([core.flights.size, core.fence.size]).toEqual([0, 0]);
  });

  it('keeps the AsyncLocalStorage of the caller', async () => {
    const { cache } = await withStale();
    const request = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const factory = async () => {
      seen.push(request.getStore());
      await settled();
      seen.push(request.getStore());
      return 'new';
    };
    expect(await request.run('r1', () => cache.getOrSet('k', factory))).toBe('old');
    for (let turn = 0; turn < 5; turn += 1) await settled();
    expect(seen).toEqual(['r1', 'r1']);
  });

  it('a refresh that fails is told by events and by no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    try {
      const { cache, lines } = await withStale();
      for (const fail of [() => Promise.reject(new Error('later')), () => JSON.parse('no') as never]) {
        expect(await cache.getOrSet('k', fail, { errorBackoff: 0 })).toBe('old');
        await settled();
        await settled();
      }
      expect(lines.filter((line) => line.startsWith('factory:end k Error'))).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith('factory:end k SyntaxError'))).toHaveLength(1);
      expect(cache.stats()).toMatchObject({ factoryRuns: 2, factoryErrors: 2, staleServed: 2 });
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
  });

  it('a signal that is aborted already is given nothing, not even what is stale, and nothing begins', async () => {
    const { cache, factory } = await withStale();
    await expect(cache.getOrSet('k', factory, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
    await settled();
    expect(factory).not.toHaveBeenCalled();
  });

  it('many stale keys have 64 refreshes at once, and the others are served stale until there is room', async () => {
    const clock = world().clock;
    const { cache, core } = simulatedProcess(clock, undefined, { defaults: life });
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await cache.setMany(keys.map((key) => [key, 'old']));
    clock.advance(1_000);
    const gate = deferred();
    let [running, most] = [0, 0];
    const factory = async () => {
      running += 1;
      most = Math.max(most, running);
      await gate.promise;
      running -= 1;
      return 'new';
    };
    const all = () => Promise.all(keys.map((key) => cache.getOrSet(key, factory)));
    expect(new Set(await all())).toEqual(new Set(['old']));
    await settled();
    expect([running, core.refreshes.running]).toEqual([64, 64]);
    gate.resolve();
    await settled();
    await all();
    await settled();
    expect(new Set(await all())).toEqual(new Set(['new']));
    expect([most, core.refreshes.running]).toEqual([64, 0]);
  });

  it('the bound holds for stale values that only L2 has', async () => {
    const { process, clock } = world();
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await process('writer').cache.setMany(
      keys.map((key) => [key, 'old']),
      { ttl: 1_000, grace: 5_000 },
    );
    clock.advance(1_000);
    const { cache, core } = process('p', { defaults: life });
    const gate = deferred<string>();
    const factory = vi.fn(() => gate.promise);
    expect(new Set(await Promise.all(keys.map((key) => cache.getOrSet(key, factory))))).toEqual(new Set(['old']));
    await settled();
    expect(factory.mock.calls.length).toBeLessThanOrEqual(64);
    expect(factory.mock.calls.length).toBeGreaterThan(0);
    gate.resolve('new');
    await settled();
    expect([core.refreshes.running, core.flights.size]).toEqual([0, 0]);
  });
});

describe('a refresh that something overtakes', () => {
  it.each<[string, (cache: TieredCache) => Promise<unknown>, unknown]>([
    ['set', (cache) => cache.set('k', 'set'), 'set'],
    ['delete', (cache) => cache.delete('k'), undefined],
    ['soft delete', (cache) => cache.delete('k', { soft: true }), undefined],
    ['invalidateTags', (cache) => cache.invalidateTags(['t']), undefined],
    ['soft invalidateTags', (cache) => cache.invalidateTags(['t'], { soft: true }), undefined],
    ['clear', (cache) => cache.clear(), undefined],
    ['deletePattern', (cache) => cache.deletePattern('k*'), undefined],
  ])('%s: nothing of it is stored, here or in L2, over L2 or memory alone', async (_, overtake, after) => {
    const w = world();
    const views = [w.process('p', { defaults: life }), simulatedProcess(w.clock, undefined, { defaults: life })];
    for (const { cache, core } of views) {
      await cache.set('k', 'old', { tags: ['t'] });
      await pass(w.clock, 2_000, 500);
      const made = deferred<string>();
      expect(await cache.getOrSet('k', () => made.promise, { tags: ['t'] })).toBe('old');
      await settled();
      expect(core.refreshes.running).toBe(1);
      await overtake(cache);
      await finish(made, 'made before');
      for (let turn = 0; turn < 5; turn += 1) await settled();
      expect(await cache.get('k')).toBe(after);
      expect([core.refreshes.running, core.flights.size, core.fence.size]).toEqual([0, 0, 0]);
      expect(await cache.getOrSet('k', () => 'made after', { swr: 0 })).toBe(after ?? 'made after');
      if (core.l2 !== undefined) expect(w.server.read('k')?.value).toBe(after ?? 'made after');
    }
  });

  it('while it runs, callers after a delete get what was made after it, never the stale value', async () => {
    const { cache, made, factory } = await withStale();
    await cache.getOrSet('k', factory);
    await settled();
    await cache.delete('k');
    expect(await cache.getOrSet('k', () => 'after')).toBe('after');
    await finish(made, 'before');
    expect(await cache.get('k')).toBe('after');
  });

  it('does not keep the next one off', async () => {
    const { cache, clock, made, factory } = await withStale();
    await cache.getOrSet('k', factory);
    await settled();
    await cache.set('k', 'set');
    await pass(clock, 1_500, 500);
    expect(await cache.getOrSet('k', () => 'second')).toBe('set');
    await settled();
    expect(await cache.getOrSet('k', () => 'never')).toBe('second');
    await finish(made, 'before');
    expect(await cache.get('k')).toBe('second');
  });

  it('a delete by another process voids its lease: what it makes is not stored', async () => {
    const { cache, process, server, made, factory, lines } = await withStale();
    await cache.getOrSet('k', factory);
    await settled();
    await process('other').cache.delete('k');
    await finish(made, 'before');
    await settled();
    expect(server.read('k')).toBeUndefined();
    expect(lines.at(-1)).toBe('fill:refused k');
    expect(await cache.get('k')).toBeUndefined();
  });

  it('without L1 and bus, what another process deleted is not served from a refresh that still runs', async () => {
    const w = world();
    await w.process('writer').cache.set('k', 'old', { ttl: 1_000, grace: 60_000 });
    w.clock.advance(1_000);
    const { cache, core } = w.process('p', { localRole: 'stand-in', defaults: { ttl: 1_000, swr: 60_000 } });
    const made = deferred<string>();
    expect(await cache.getOrSet('k', () => made.promise)).toBe('old');
    await settled();
    expect(await cache.getOrSet('k', () => 'second')).toBe('old');
    await w.process('other').cache.delete('k');
    await pass(w.clock, 300, 50);
    expect(await cache.getOrSet('k', () => 'after')).toBe('after');
    await finish(made, 'before');
    expect(await cache.get('k')).toBe('after');
    expect([core.refreshes.running, core.flights.size, core.fence.size]).toEqual([0, 0, 0]);
  });
});

describe('without .memory()', () => {
  it('the stale value of L2 is served at once, and one process makes it anew', async () => {
    const w = world();
    const { cache, core, l2 } = w.process('p', { localRole: 'stand-in', defaults: life, bus: 'on' });
    await cache.ready();
    await cache.set('k', 'old');
    await pass(w.clock, 2_000, 500);
    l2.sent.length = 0;
    const lines = trace(cache);
    const made = deferred<string>();
    const factory = vi.fn(() => made.promise);
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await settled();
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await finish(made);
    expect(await cache.getOrSet('k', factory)).toBe('new');
    expect(lines).toEqual(['miss k', 'hit l2 k stale', 'factory:start k', 'hit l2 k stale', 'factory:end k', 'hit l2 k']);
    expect(l2.sent).toEqual(['read k', 'load k', 'fill k', 'read k']);
    expect(core.local.size).toBe(0);
  });
});

describe('close()', () => {
  it('ends background refreshes: their signal aborts, and what they make is stored nowhere', async () => {
    const { cache, server, made } = await withStale();
    let signal: AbortSignal | undefined;
    await cache.getOrSet('k', (context) => {
      signal = context.signal;
      return made.promise;
    });
    await settled();
    await cache.close();
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ name: 'ClosedError' });
    await finish(made, 'too late');
    await settled();
    expect(server.read('k')?.value).toBe('old');
    await expect(cache.getOrSet('k', () => 'never')).rejects.toMatchObject({ name: 'ClosedError' });
  });

  it('a background refresh keeps the process alive by no timer of its own', async () => {
    const { cache, clock, factory } = await withStale();
    await cache.getOrSet('k', factory);
    await settled();
    expect(factory).toHaveBeenCalledTimes(1);
    expect(clock.awaited).toBe(0);
    const waiting = cache.getOrSet('k', factory, { swr: 0 });
    expect(clock.awaited).toBeGreaterThan(0);
    await cache.close();
    await expect(waiting).rejects.toMatchObject({ name: 'ClosedError' });
    expect(clock.awaited).toBe(0);
  });
});
