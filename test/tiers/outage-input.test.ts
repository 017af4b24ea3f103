import { cacheBuilder } from 'tierkeep';
import { describe, expect, it } from 'vitest';
import type { CallOptions, NamespaceOptions, OutagePolicy } from '../../src/cache.js';
import { ConfigError } from '../../src/errors.js';
import { refusal } from '../builder/refusal.js';
import { everyCall } from '../support/every-call.js';
import { settled, world } from '../support/simulated-process.js';

/** As plain JavaScript would write it. */
const policy = (given: unknown) => given as OutagePolicy;

/** Terms that no call can have, and how the refusal begins. */
const badTerms: readonly (readonly [terms: CallOptions, told: RegExp])[] = [
  [{ budget: 0 }, /^budget must be positive, got 0\.$/],
  [{ budget: '0s' }, /^budget must be positive, got '0s'\.$/],
  [{ budget: -1 }, /^budget must be positive, got -1\.$/],
  [{ budget: Number.NaN }, /^budget must be a number of milliseconds or text .*; got NaN\.$/],
  [{ budget: Number.POSITIVE_INFINITY }, /^budget must end: .*, got Infinity\.$/],
  [{ budget: '25d' }, /^budget must end: .*, got '25d'\.$/],
  [{ budget: '1 minute' as '1m' }, /^budget must be a number of milliseconds or text .*; got '1 minute'\.$/],
  [{ outage: policy('Serve') }, /^outage must be 'serve', 'source' or 'throw', got 'Serve'\.$/],
  [{ outage: policy('stale') }, /^outage must be 'serve', 'source' or 'throw', got 'stale'\.$/],
  [{ outage: policy('') }, /^outage must be 'serve', 'source' or 'throw'/],
  [{ outage: policy('toString') }, /^outage must be 'serve', 'source' or 'throw'/],
  [{ outage: policy(null) }, /^outage must be 'serve', 'source' or 'throw'/],
  [{ outage: policy(true) }, /^outage must be 'serve', 'source' or 'throw'/],
  [{ outagePolicy: 'serve' } as CallOptions, /'outagePolicy' is unknown.*outage/],
];

describe.each(Object.keys(everyCall))('%s under terms that no call can have', (name) => {
  it.each(badTerms)('%o is refused, and every tier is as it was', async (terms, told) => {
    const { server, process } = world();
    const { cache, core, l2 } = process('p');
    await process('other').cache.setMany([['k', 'there'], ['n:k', 'there'], ['n', 1]]); // biome-ignore format: pairs
    await cache.set('in memory', 1);
    const state = () => [
      [...l2.sent],
      cache.stats(),
      server.read('k'),
      server.read('n:k'),
      server.read('n'),
      server.read('absent'),
    ];
    const before = state();
    const error = await everyCall[name]?.(cache, terms).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(told);
    await settled();
    expect(state()).toEqual(before);
    expect([core.flights.size, core.fence.size]).toEqual([0, 0]);
    expect(cache.peek('in memory')).toBe(1);
  });
});

describe('a cache that no one could want', () => {
  type Loose = Record<string, (given?: unknown) => unknown>;
  const start = () => cacheBuilder('bad').redis({ url: 'redis://127.0.0.1:1' }) as unknown as Loose;

  it.each(badTerms.filter(([{ budget }]) => budget !== undefined))('of the budget %o is not built', ({ budget }, told) => {
    expect(refusal(() => start().budget?.(budget))).toMatch(told);
  });

  it.each([0, -1, 0.5, '100', Number.NaN, Number.POSITIVE_INFINITY, null])(
    'of a journal of %s names is not built',
    (maxNames) => {
      const told = refusal(() => start().journal?.({ maxNames }));
      expect(told).toMatch(/^journal\(\): maxNames must be a whole number from 1 to 10000000, got /);
    },
  );

  it.each([0, -1, 99, Number.NaN, Number.POSITIVE_INFINITY])('of a journal that remembers for %s ms is not built', (window) => {
    expect(refusal(() => start().journal?.({ window }))).toMatch(/^journal\(\): window must /);
  });

  it('of a journal with an option that is misspelt is not built', () => {
    expect(refusal(() => start().journal?.({ maxName: 5 }))).toContain("'maxName' is unknown. Did you mean 'maxNames'?");
  });

  it.each(['Serve', 'stale', '', null, undefined, 1, 'toString'])('of the outage policy %o is not built', (given) => {
    expect(refusal(() => start().outage?.(given))).toMatch(/^outage\(\) must be 'serve', 'source' or 'throw', got /);
  });

  it.each([
    [{ CACHE_BUDGET: '0ms' }, "CACHE_BUDGET must be positive, got '0ms'"],
    [{ CACHE_BUDGET: '-5s' }, 'CACHE_BUDGET must be a number of milliseconds or text'],
    [{ CACHE_BUDGET: 'NaN' }, 'CACHE_BUDGET must be a number of milliseconds or text'],
    [{ CACHE_BUDGET: 'Infinity' }, 'CACHE_BUDGET must end'],
    [{ CACHE_BUDGET: '500' }, "CACHE_BUDGET needs a unit, got '500'"],
    [{ CACHE_OUTAGE: 'Serve' }, "CACHE_OUTAGE must be 'serve', 'source' or 'throw', got 'Serve'"],
    [{ CACHE_JOURNAL_MAX_NAMES: '0' }, 'CACHE_JOURNAL_MAX_NAMES must be a whole number from 1 to 10000000, got 0'],
    [{ CACHE_JOURNAL_MAX_NAMES: 'all' }, "CACHE_JOURNAL_MAX_NAMES must be a whole number from 1 to 10000000, got 'all'"],
    [{ CACHE_JOURNAL_WINDOW: '50ms' }, 'CACHE_JOURNAL_WINDOW must be at least 100 ms'],
  ])('by the variables %o is not built', (env, told) => {
    expect(refusal(() => cacheBuilder('bad').env(env).build())).toContain(`The environment: ${told}`);
  });

  it.each(['Serve', '', null, 1])('is no namespace of the outage policy %o, and the name stays free', async (given) => {
    const { cache } = world().process('p');
    const options: NamespaceOptions = { outage: policy(given) };
    expect(refusal(() => cache.namespace('n', options))).toMatch(/^outage must be 'serve', 'source' or 'throw'/);
    const named = cache.namespace('n', { outage: 'source' });
    await named.set('k', 1);
    expect(await named.get('k')).toBe(1);
  });
});
