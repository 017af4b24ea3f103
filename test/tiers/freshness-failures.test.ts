import { describe, expect, it, vi } from 'vitest';
import type { Factory } from '../../src/cache.js';
import { type ProcessOptions, pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

const life = { ttl: 1_000, grace: 60_000, errorBackoff: 5_000 };
const no = () => Promise.reject(new Error('no'));

async function withStale(options: ProcessOptions = {}) {
  const w = world();
  const p = w.process('p', { defaults: life, ...options });
  await p.cache.set('k', 'old');
  await pass(w.clock, 2_000, 500);
  p.l2.sent.length = 0;
  const lines = trace(p.cache);
  return { ...w, ...p, lines };
}

describe('error back-off', () => {
  it('serves the stale value without another try until it is over, then tries again', async () => {
    const { cache, clock, lines, core } = await withStale();
    const factory = vi.fn(no);
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await pass(clock, 4_900, 700);
    expect(await cache.getOrSet('k', factory)).toBe('old');
    expect(factory).toHaveBeenCalledTimes(1);
    await pass(clock, 200, 50);
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    expect(lines).toEqual([
      ...['miss k', 'factory:start k', 'factory:end k Error: no', 'hit l2 k stale'],
      ...['miss k', 'hit l2 k stale'],
      ...['miss k', 'factory:start k', 'factory:end k'],
    ]);
    expect(cache.stats()).toMatchObject({ misses: 3, staleServed: 2, factoryRuns: 2, factoryErrors: 1 });
    expect([core.flights.size, core.fence.size]).toEqual([0, 0]);
  });

  it('holds in other processes too, which ask for the lease now and then', async () => {
    const { cache, process, clock } = await withStale();
    await cache.getOrSet('k', no);
    const other = process('other', { defaults: life });
    const theirs = vi.fn(() => 'theirs');
    for (let call = 0; call < 40; call += 1) {
      expect(await other.cache.getOrSet('k', theirs)).toBe('old');
      await pass(clock, 100, 50);
    }
    expect(theirs).not.toHaveBeenCalled();
    expect(other.l2.sent.filter((line) => line === 'load k')).toHaveLength(1);
    await pass(clock, 1_100, 100);
    expect(await other.cache.getOrSet('k', theirs)).toBe('theirs');
  });

  it('over memory alone, and for swr in the background', async () => {
    const clock = world().clock;
    const { cache } = simulatedProcess(clock, undefined, { defaults: { ...life, swr: 60_000 } });
    await cache.set('k', 'old');
    clock.advance(2_000);
    const factory = vi.fn(no);
    for (let call = 0; call < 5; call += 1) {
      expect(await cache.getOrSet('k', factory)).toBe('old');
      await settled();
    }
    expect(factory).toHaveBeenCalledTimes(1);
    clock.advance(5_000);
    expect(await cache.getOrSet('k', () => 'new')).toBe('old');
    await settled();
    expect(cache.peek('k')).toBe('new');
  });

  it('of 0 tries each time', async () => {
    const { cache, server } = await withStale();
    const factory = vi.fn(no);
    for (let call = 0; call < 3; call += 1) expect(await cache.getOrSet('k', factory, { errorBackoff: 0 })).toBe('old');
    expect(factory).toHaveBeenCalledTimes(3);
    expect(server.leasedKeys()).toEqual([]);
  });

  it('never lasts beyond the end of the stale value', async () => {
    const { cache, process, clock, server } = await withStale({ defaults: { ...life, errorBackoff: 600_000 } });
    await cache.getOrSet('k', no);
    const [lease] = server.leases.values();
    expect(lease?.until).toBe(server.read('k')?.expiresAt);
    await pass(clock, 59_000, 1_000);
    expect(server.read('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
    expect(await process('other').cache.get('k')).toBe('new');
  });

  it('without a stand-in there is none: the error reaches the caller, and the next one tries', async () => {
    const { cache } = await withStale();
    await expect(cache.getOrSet('nothing', no)).rejects.toThrow('no');
    expect(await cache.getOrSet('nothing', () => 'made')).toBe('made');
  });

  it.each(['set', 'delete', 'soft delete', 'forceFresh'] as const)('%s ends it', async (what) => {
    const { cache, clock } = await withStale();
    await cache.getOrSet('k', no, { errorBackoff: 50_000 });
    if (what === 'set') await cache.set('k', 'set');
    else if (what === 'forceFresh') {
      const forced = cache.getOrSet('k', () => 'forced', { forceFresh: true });
      await settled();
      expect(cache.peek('k')).toBe('forced');
      expect(await forced).toBe('forced');
    } else await cache.delete('k', { soft: what === 'soft delete' });
    if (what === 'set' || what === 'forceFresh') await pass(clock, 1_500, 500);
    expect(await cache.getOrSet('k', () => 'made')).toBe('made');
  });

  it('what another process sets ends it here, if it is heard of', async () => {
    const w = world();
    const [here, there] = ['here', 'there'].map((name) => w.process(name, { defaults: life, bus: 'on' }));
    await Promise.all([here?.cache.ready(), there?.cache.ready()]);
    await here?.cache.set('k', 'old');
    await pass(w.clock, 1_500, 500);
    await here?.cache.getOrSet('k', no, { errorBackoff: 50_000 });
    await there?.cache.set('k', 'theirs');
    await pass(w.clock, 1_500, 500);
    expect(await here?.cache.getOrSet('k', () => 'made')).toBe('made');
  });

  it('after a failed early refresh the fresh value serves on', async () => {
    const w = world();
    const { cache } = w.process('p', { defaults: { ...life, beta: 1 }, random: () => 0.999_999 });
    await cache.getOrSet('k', async () => {
      w.clock.advance(100);
      return 'first';
    });
    const factory = vi.fn(no);
    for (let call = 0; call < 3; call += 1) {
      await pass(w.clock, 50, 50);
      expect(await cache.getOrSet('k', factory)).toBe('first');
      await settled();
    }
    expect(factory).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ hits: 3, misses: 1, staleServed: 0 });
  });
});

describe('fail()', () => {
  it('is a failure as any other: the stale value stands in, without one the caller is told why', async () => {
    const { cache, lines } = await withStale();
    const factory: Factory<string> = ({ fail }) => fail('the bank is closed');
    expect(await cache.getOrSet('k', factory)).toBe('old');
    await expect(cache.getOrSet('nothing', factory)).rejects.toMatchObject({
      name: 'FactoryFailedError',
      key: 'nothing',
      message: "The factory of 'nothing' gave up: the bank is closed.",
    });
    expect(lines.filter((line) => line.startsWith('factory:end'))).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ factoryErrors: 2, staleServed: 1 });
  });
});

describe('notModified()', () => {
  it('gives the stale value a new life in every tier, with the tags it had', async () => {
    const { cache, clock, server } = await withStale();
    await cache.set('t', 'tagged', { tags: ['named'] });
    await pass(clock, 1_500, 500);
    for (const key of ['k', 't']) {
      const before = server.read(key);
      expect(await cache.getOrSet(key, ({ notModified }) => notModified())).toBe(before?.value);
      expect(server.read(key)).toMatchObject({ value: before?.value, freshUntil: clock.now() + 1_000, tags: before?.tags });
      expect(server.read(key)?.stamp).not.toBe(before?.stamp);
      expect(cache.peek(key)).toBe(before?.value);
    }
    await cache.invalidateTags(['named']);
    expect(await cache.get('t')).toBeUndefined();
    expect(await cache.get('k')).toBe('old');
    expect(cache.stats()).toMatchObject({ staleServed: 0, factoryErrors: 0 });
  });

  it('with another life, if the factory sets one', async () => {
    const { cache, clock, server } = await withStale();
    await cache.getOrSet('k', ({ notModified, setOptions }) => {
      setOptions({ ttl: '1m', grace: 0 });
      return notModified();
    });
    expect(server.read('k')).toMatchObject({ freshUntil: clock.now() + 60_000, expiresAt: clock.now() + 60_000 });
  });

  it('keeps what is fresh under forceFresh', async () => {
    const { cache } = await withStale();
    await cache.set('k', 'fresh');
    expect(await cache.getOrSet('k', ({ notModified }) => notModified(), { forceFresh: true })).toBe('fresh');
  });

  it('without a value to keep it is a failure of the factory', async () => {
    const { cache } = await withStale();
    await expect(cache.getOrSet('nothing', ({ notModified }) => notModified())).rejects.toMatchObject({
      name: 'FactoryFailedError',
    });
    expect(await cache.get('nothing')).toBeUndefined();
  });

  it('stores nothing if the value was deleted while the factory ran', async () => {
    const { cache, server } = await withStale();
    const answer = cache.getOrSet('k', async ({ notModified }) => {
      await cache.delete('k');
      return notModified();
    });
    expect(await answer).toBe('old');
    expect(server.read('k')).toBeUndefined();
    expect(await cache.get('k')).toBeUndefined();
  });
});

describe('negativeTtl', () => {
  const defaults = { ttl: 60_000, grace: 0, negativeTtl: 5_000 };
  const life = async (factory: Factory<unknown>, options = {}) => {
    const w = world();
    const { cache } = w.process('p', { defaults });
    await cache.getOrSet('k', factory, options);
    return cache.ttl('k');
  };

  it('is the life of null, and of nothing else', async () => {
    expect(await life(() => null)).toBe(5_000);
    expect(await life(() => null, { negativeTtl: '2s' })).toBe(2_000);
    expect(await life(() => 0)).toBe(60_000);
    expect(await life(() => '')).toBe(60_000);
    expect(await life(() => undefined)).toBeUndefined();
    expect(await life(({ skip }) => skip(null))).toBeUndefined();
  });

  it('not where the factory says how long, but where it says something else', async () => {
    const saying =
      (options: object): Factory<null> =>
      ({ setOptions }) => {
        setOptions(options);
        return null;
      };
    expect(await life(saying({ ttl: '30s' }))).toBe(30_000);
    expect(await life(saying({ grace: '30s' }))).toBe(5_000);
  });

  it('is no life of a null that is set, and without it null lives as any value', async () => {
    const w = world();
    const { cache } = w.process('p', { defaults });
    await cache.set('k', null);
    expect(await cache.ttl('k')).toBe(60_000);
    const plain = w.process('q', { defaults: { ttl: 60_000 } }).cache;
    await plain.getOrSet('l', () => null);
    expect(await plain.ttl('l')).toBe(60_000);
  });

  it('null is a hit: the factory does not run again before its end', async () => {
    const w = world();
    const { cache } = w.process('p', { defaults });
    const factory = vi.fn(() => null);
    for (let second = 0; second < 6; second += 1) {
      expect(await cache.getOrSet('k', factory)).toBeNull();
      w.clock.advance(1_000);
    }
    expect(factory).toHaveBeenCalledTimes(2);
  });
});
