import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, vi } from 'vitest';
import { deferred, pass, settled, simulatedProcess, world } from '../support/simulated-process.js';

describe('one factory for all callers', () => {
  it('a thousand callers of a cold key share one run and one value', async () => {
    const { cache, l2, core } = world().process('p');
    const factory = deferred<object>();
    const run = vi.fn(() => factory.promise);
    const answers = Array.from({ length: 1_000 }, () => cache.getOrSet('k', run));
    await settled();
    const value = { name: 'Ada' };
    factory.resolve(value);
    const values = await Promise.all(answers);
    expect(run).toHaveBeenCalledTimes(1);
    expect(values.every((each) => each === value)).toBe(true);
    expect(l2.sent).toEqual(['read k', 'load k', 'fill k']);
    expect(cache.stats()).toMatchObject({ factoryRuns: 1, coalesced: 999, misses: 1, hits: 0 });
    expect(core.flights.size).toBe(0);
    expect(core.fence.size).toBe(0);
  });

  it('the same without L2', async () => {
    const { cache, core } = simulatedProcess(world().clock, undefined);
    const run = vi.fn(async () => 1);
    await Promise.all(Array.from({ length: 1_000 }, () => cache.getOrSet('k', run)));
    expect(run).toHaveBeenCalledTimes(1);
    expect(core.flights.size).toBe(0);
  });

  it('callers in eight processes share one run', async () => {
    const { clock, process } = world();
    const processes = Array.from({ length: 8 }, (_, index) => process(`p${index}`));
    const factory = deferred<string>();
    const run = vi.fn(() => factory.promise);
    const answers = processes.flatMap(({ cache }) => Array.from({ length: 50 }, () => cache.getOrSet('k', run)));
    await pass(clock, 300);
    factory.resolve('once');
    await pass(clock, 100);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['once']));
    expect(run).toHaveBeenCalledTimes(1);
    expect(processes.map(({ cache }) => cache.peek('k'))).toEqual(Array(8).fill('once'));
    expect(clock.pending).toBe(0);
  });

  it('different keys do not wait for each other', async () => {
    const { cache } = world().process('p');
    const slow = deferred<number>();
    const first = cache.getOrSet('a', () => slow.promise);
    expect(await cache.getOrSet('b', () => 2)).toBe(2);
    slow.resolve(1);
    expect(await first).toBe(1);
  });

  it('the factory runs in the context of the caller that began the load, however long it waited', async () => {
    const { clock, process } = world();
    const request = new AsyncLocalStorage<string>();
    const theirs = deferred<string>();
    const other = process('other').cache.getOrSet('k', () => theirs.promise);
    await settled();
    const { cache } = process('p');
    const answers = ['first', 'second'].map((name) =>
      request.run(name, () => cache.getOrSet('k', async () => request.getStore())),
    );
    await pass(clock, 100);
    theirs.reject(new Error('no'));
    await expect(other).rejects.toThrow('no');
    await pass(clock, 300);
    expect(await Promise.all(answers)).toEqual(['first', 'first']);
  });

  it('a key like __proto__ is a key like any other', async () => {
    const { cache } = world().process('p');
    const run = vi.fn(() => 'value');
    expect(await Promise.all([cache.getOrSet('__proto__', run), cache.getOrSet('__proto__', run)])).toEqual(['value', 'value']);
    expect(run).toHaveBeenCalledTimes(1);
    expect(await cache.getMany(['__proto__', 'constructor'])).toEqual(new Map([['__proto__', 'value']]));
  });
});

describe('a failure is shared', () => {
  it('one run, and every caller gets the very error it threw', async () => {
    const { process, server } = world();
    const { cache, core } = process('p');
    const error = new Error('the database is on fire');
    const run = vi.fn(() => Promise.reject(error));
    const outcomes = await Promise.allSettled(Array.from({ length: 1_000 }, () => cache.getOrSet('k', run)));
    expect(run).toHaveBeenCalledTimes(1);
    expect(outcomes.every((outcome) => outcome.status === 'rejected' && outcome.reason === error)).toBe(true);
    expect(cache.stats()).toMatchObject({ factoryRuns: 1, factoryErrors: 1 });
    expect(server.leasedKeys()).toEqual([]);
    expect(core.flights.size).toBe(0);
    expect(core.fence.size).toBe(0);
  });

  it('the next caller tries anew', async () => {
    const { cache } = world().process('p');
    const run = vi.fn().mockRejectedValueOnce(new Error('first')).mockResolvedValueOnce('second');
    await expect(cache.getOrSet('k', run)).rejects.toThrow('first');
    expect(await cache.getOrSet('k', run)).toBe('second');
  });

  it('the lease goes back at once, so that another process need not wait for its end', async () => {
    const { clock, process } = world();
    const a = process('a').cache.getOrSet('k', () => Promise.reject(new Error('no')));
    await expect(a).rejects.toThrow('no');
    expect(await process('b').cache.getOrSet('k', () => 'yes')).toBe('yes');
    expect(clock.pending).toBe(0);
  });

  it('anything thrown reaches the caller untouched', async () => {
    const { cache } = world().process('p');
    const outcomes = await Promise.allSettled([
      cache.getOrSet('text', () => Promise.reject('text')),
      cache.getOrSet('nothing', () => Promise.reject(undefined)),
      cache.getOrSet('null', () => {
        throw null;
      }),
    ]);
    expect(outcomes).toEqual([
      { status: 'rejected', reason: 'text' },
      { status: 'rejected', reason: undefined },
      { status: 'rejected', reason: null },
    ]);
  });
});

describe('forceFresh', () => {
  it('runs the factory although a fresh value is there, shows it to it, and replaces it everywhere', async () => {
    const { process } = world();
    const p = process('p');
    await p.cache.set('k', 'old');
    const made = await p.cache.getOrSet('k', ({ stale }) => `not ${String(stale?.value)}`, { forceFresh: true });
    expect(made).toBe('not old');
    expect(p.cache.peek('k')).toBe('not old');
    expect(await process('other').cache.get('k')).toBe('not old');
  });

  it('joins no load that began before it, waits for that one’s lease, and has the last word', async () => {
    const { clock, process, server } = world();
    const { cache } = process('p');
    const early = deferred<string>();
    const first = cache.getOrSet('k', () => early.promise);
    await settled();
    const forced = cache.getOrSet('k', () => 'forced', { forceFresh: true });
    await pass(clock, 50);
    early.resolve('early');
    expect(await first).toBe('early');
    await pass(clock, 100);
    expect(await forced).toBe('forced');
    expect(server.read('k')?.value).toBe('forced');
    expect(cache.peek('k')).toBe('forced');
  });

  it.each(['the older load', 'the forced one'])('has the last word without L2 too, if %s ends first', async (first) => {
    const { cache } = simulatedProcess(world().clock, undefined);
    const loads = { 'the older load': deferred<string>(), 'the forced one': deferred<string>() };
    const answers = [
      cache.getOrSet('k', () => loads['the older load'].promise),
      cache.getOrSet('k', () => loads['the forced one'].promise, { forceFresh: true }),
    ];
    const order = Object.entries(loads).sort(([name]) => (name === first ? -1 : 1));
    for (const [name, load] of order) {
      load.resolve(name);
      await settled();
    }
    expect(await Promise.all(answers)).toEqual(Object.keys(loads));
    expect(cache.peek('k')).toBe('the forced one');
  });

  it('is joined by those who come later, forced or not', async () => {
    const { cache } = world().process('p');
    const factory = deferred<string>();
    const run = vi.fn(() => factory.promise);
    const answers = [true, true, false].map((forceFresh) => cache.getOrSet('k', run, { forceFresh }));
    await settled();
    factory.resolve('forced');
    expect(await Promise.all(answers)).toEqual(['forced', 'forced', 'forced']);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('lets no old value stand in when it fails', async () => {
    const { process, clock } = world();
    const { cache } = process('p');
    await cache.set('k', 'old', { ttl: '1s', grace: '1h' });
    clock.advance(2_000);
    const failing = cache.getOrSet('k', () => Promise.reject(new Error('no')), { forceFresh: true });
    await expect(failing).rejects.toThrow('no');
  });

  it('waits for another process’s load and then runs all the same', async () => {
    const { clock, process } = world();
    const theirs = deferred<string>();
    const other = process('other').cache.getOrSet('k', () => theirs.promise);
    await settled();
    const p = process('p');
    const run = vi.fn(() => 'mine');
    const mine = p.cache.getOrSet('k', run, { forceFresh: true });
    await pass(clock, 100);
    expect(run).not.toHaveBeenCalled();
    theirs.resolve('theirs');
    expect(await other).toBe('theirs');
    await pass(clock, 100);
    expect(await mine).toBe('mine');
    expect(await p.cache.get('k')).toBe('mine');
  });
});
