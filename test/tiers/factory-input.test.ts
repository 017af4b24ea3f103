import { describe, expect, it, vi } from 'vitest';
import type { Factory, FactorySetOptions } from '../../src/cache.js';
import { ConfigError, InvalidKeyError, InvalidValueError } from '../../src/errors.js';
import { settled, simulatedProcess, trace, type World, world } from '../support/simulated-process.js';

/** Whatever a factory does, nothing may be left running, held or stored that should not be. */
function nothingLeft({ server, clock }: World, core: ReturnType<typeof simulatedProcess>['core']): void {
  expect(core.flights.size).toBe(0);
  expect(core.fence.size).toBe(0);
  expect(server.leasedKeys()).toEqual([]);
  expect(clock.pending).toBe(0);
}

const tiers = [{ tiers: 'memory and L2' }, { tiers: 'memory alone' }];

describe.each(tiers)('a factory, over $tiers,', ({ tiers }) => {
  function started() {
    const w = world();
    const shared = w.process('p');
    const { cache, core } = tiers === 'memory alone' ? simulatedProcess(w.clock, undefined) : shared;
    return { w, cache, core, stored: () => cache.getEntry('k') };
  }

  it('that throws at once fails like one that rejects', async () => {
    const { w, cache, core } = started();
    const error = new Error('at once');
    const factory = vi.fn(() => {
      throw error;
    });
    const outcomes = await Promise.allSettled([cache.getOrSet('k', factory), cache.getOrSet('k', factory)]);
    expect(outcomes).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ]);
    expect(factory).toHaveBeenCalledTimes(1);
    nothingLeft(w, core);
  });

  it.each([0, false, '', null, 'text', [1], { a: 1 }])('that returns %j at once is stored', async (value) => {
    const { w, cache, core } = started();
    const factory = vi.fn(() => value);
    expect(await cache.getOrSet<unknown>('k', factory)).toEqual(value);
    expect(await cache.getOrSet<unknown>('k', factory)).toEqual(value);
    core.local.clear();
    if (tiers !== 'memory alone') expect(await cache.getOrSet<unknown>('k', factory)).toEqual(value);
    expect(factory).toHaveBeenCalledTimes(1);
    nothingLeft(w, core);
  });

  it('that returns a thenable is awaited', async () => {
    const { cache } = started();
    // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise is what this is about.
    const thenable = { then: (resolve: (value: string) => void) => resolve('value') };
    expect(await cache.getOrSet('k', () => thenable as unknown as Promise<string>)).toBe('value');
    expect(await cache.get('k')).toBe('value');
  });

  it('that returns undefined stores nothing and runs again for the next caller', async () => {
    const { w, cache, core, stored } = started();
    const factory = vi.fn(() => undefined);
    expect(await cache.getOrSet('k', factory)).toBeUndefined();
    expect(await cache.getOrSet('k', async () => undefined)).toBeUndefined();
    expect(await stored()).toBeUndefined();
    expect(factory).toHaveBeenCalledTimes(1);
    nothingLeft(w, core);
  });

  it('that skips hands its value out and stores nothing', async () => {
    const { w, cache, core, stored } = started();
    expect(await cache.getOrSet('k', ({ skip }) => skip('not for keeps'))).toBe('not for keeps');
    // What no tier could hold may be handed out all the same.
    const open = () => 'a function';
    expect(await cache.getOrSet('k', ({ skip }) => skip(open))).toBe(open);
    expect(await stored()).toBeUndefined();
    nothingLeft(w, core);
  });

  it('chooses the life of its value', async () => {
    const { w, cache, stored } = started();
    await cache.getOrSet(
      'k',
      ({ setOptions }) => {
        setOptions({ ttl: '1s' });
        setOptions({ grace: '2s' });
        return 'short';
      },
      { ttl: '1h', grace: '1h' },
    );
    expect(await stored()).toMatchObject({ freshUntil: w.clock.now() + 1_000, expiresAt: w.clock.now() + 3_000 });
  });

  it.each<FactorySetOptions>([{ ttl: 0 }, { ttl: -1 }, { ttl: Number.NaN }, { grace: -1 }, { ttl: '5 minutes' as '5m' }])(
    'that chooses %j fails with a ConfigError',
    async (options) => {
      const { w, cache, core, stored } = started();
      const choosing: Factory<string> = ({ setOptions }) => {
        setOptions(options);
        return 'v';
      };
      await expect(cache.getOrSet('k', choosing)).rejects.toBeInstanceOf(ConfigError);
      expect(await stored()).toBeUndefined();
      nothingLeft(w, core);
    },
  );

  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  it.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a cycle', cyclic],
    ['an instance', new (class Account {})()],
    ['a promise inside', { a: Promise.resolve(1) }],
  ])('that makes %s fails with an InvalidValueError, once, and stores nothing', async (_name, value) => {
    const { w, cache, core, stored } = started();
    const lines = trace(cache);
    await expect(cache.getOrSet<unknown>('k', () => value)).rejects.toBeInstanceOf(InvalidValueError);
    expect(lines.filter((line) => line.startsWith('factory:'))).toEqual([
      'factory:start k',
      expect.stringMatching(/^factory:end k InvalidValueError/),
    ]);
    expect(await stored()).toBeUndefined();
    expect(cache.stats()).toMatchObject({ factoryRuns: 1, factoryErrors: 1 });
    nothingLeft(w, core);
  });

  it('is given the key as the caller wrote it', async () => {
    const { cache } = started();
    const factory = vi.fn(({ key }: { key: string }) => key);
    expect(await cache.namespace('users').getOrSet('42', factory)).toBe('42');
  });

  it('is shown what it replaces while it may stand in, and nothing that has expired', async () => {
    const { w, cache } = started();
    const seen: unknown[] = [];
    const factory: Factory<string> = ({ stale }) => {
      seen.push(stale?.value);
      return 'new';
    };
    await cache.set('k', 'stale', { ttl: '1s', grace: '1m' });
    w.clock.advance(1_000);
    await cache.getOrSet('k', factory, { ttl: '1s', grace: 0 });
    w.clock.advance(1_000);
    await cache.getOrSet('k', factory);
    await cache.getOrSet('k', factory, { forceFresh: true });
    expect(seen).toEqual(['stale', undefined, 'new']);
  });

  it('may ask for other keys, and for more of the same cache', async () => {
    const { w, cache, core } = started();
    const value = await cache.getOrSet('k', async () => {
      const parts = await Promise.all(['a', 'b'].map((key) => cache.getOrSet(key, () => key)));
      await cache.set('c', 'c');
      return [...parts, await cache.get('c')].join('');
    });
    expect(value).toBe('abc');
    nothingLeft(w, core);
  });

  it('that is no function is a ConfigError before anything is asked', async () => {
    const { w, cache, core } = started();
    for (const factory of [undefined, null, 'value', {}]) {
      await expect(cache.getOrSet('k', factory as unknown as Factory<string>)).rejects.toBeInstanceOf(ConfigError);
    }
    nothingLeft(w, core);
  });

  it.each(['', 42, null, undefined, 'x'.repeat(513), '\ud800'])('never runs for the key %j', async (key) => {
    const { w, cache, core } = started();
    const factory = vi.fn(() => 1);
    await expect(cache.getOrSet(key as string, factory)).rejects.toBeInstanceOf(InvalidKeyError);
    await expect(cache.namespace('n').getOrSet(key as string, factory)).rejects.toBeInstanceOf(InvalidKeyError);
    expect(factory).not.toHaveBeenCalled();
    nothingLeft(w, core);
  });

  it.each([
    { ttl: 0 },
    { ttl: Number.NaN },
    { grace: -1 },
    { hardTimeout: Number.POSITIVE_INFINITY },
    { hardTimeout: 0 },
    { budget: 0 },
  ])('never runs with the options %j', async (options) => {
    const { w, cache, core } = started();
    const factory = vi.fn(() => 1);
    await expect(cache.getOrSet('k', factory, options)).rejects.toBeInstanceOf(ConfigError);
    await settled();
    expect(factory).not.toHaveBeenCalled();
    nothingLeft(w, core);
  });
});
