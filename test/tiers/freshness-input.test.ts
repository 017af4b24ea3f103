import { ConfigError, cacheBuilder, type GetOrSetOptions, type NamespaceOptions, type ReadOptions } from 'tierkeep';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, world } from '../support/simulated-process.js';

const bad: readonly (readonly [string, object, RegExp])[] = [
  ['soft above hard', { softTimeout: '2s', hardTimeout: '1s' }, /^softTimeout must be at most hardTimeout, got 2000 ms/],
  ['soft above the hard of the cache', { softTimeout: '2m' }, /with a hardTimeout of 60000 ms/],
  ['a negative soft', { softTimeout: -1 }, /^softTimeout must not be negative/],
  ['an endless hard', { hardTimeout: Number.POSITIVE_INFINITY }, /^hardTimeout must end/],
  ['beta 0', { earlyRefresh: { beta: 0 } }, /^earlyRefresh must be true, false or \{ beta \}.*got \{ beta: 0 \}/],
  ['a negative beta', { earlyRefresh: { beta: -1 } }, /got \{ beta: -1 \}/],
  ['a beta that is no number', { earlyRefresh: { beta: Number.NaN } }, /got \{ beta: NaN \}/],
  ['an endless beta', { earlyRefresh: { beta: Number.POSITIVE_INFINITY } }, /got \{ beta: Infinity \}/],
  ['no beta', { earlyRefresh: {} }, /^earlyRefresh must be/],
  ['null for earlyRefresh', { earlyRefresh: null }, /^earlyRefresh must be/],
  ['a number for earlyRefresh', { earlyRefresh: 1 }, /^earlyRefresh must be/],
  ['jitter above the TTL', { ttl: '1s', jitter: '2s' }, /^jitter must be at most the ttl, got 2000 ms with a ttl of 1000 ms/],
  ['negative jitter', { jitter: -1 }, /^jitter must not be negative/],
  ['endless jitter', { ttl: Number.POSITIVE_INFINITY, jitter: Number.POSITIVE_INFINITY }, /^jitter must end/],
  ['grace below zero', { grace: -1 }, /^grace must not be negative/],
  ['swr below zero', { swr: -1 }, /^swr must not be negative/],
  ['swr that is no length of time', { swr: 'long' }, /^swr must be a number of milliseconds/],
  ['errorBackoff below zero', { errorBackoff: -1 }, /^errorBackoff must not be negative/],
  ['an endless errorBackoff', { errorBackoff: Number.POSITIVE_INFINITY }, /^errorBackoff must end/],
  ['negativeTtl 0', { negativeTtl: 0 }, /^negativeTtl must be positive/],
  ['sliding 0', { sliding: 0 }, /^sliding must be positive/],
  ['endless sliding', { sliding: Number.POSITIVE_INFINITY }, /^sliding must end/],
];

/** Where the value is when the call is made. */
const places = ['nowhere', 'fresh in L2', 'stale in both', 'fresh in both'] as const;

async function withValue(place: (typeof places)[number]) {
  const w = world();
  const p = w.process('p');
  if (place === 'fresh in L2') await w.process('other').cache.set('k', 'v');
  if (place === 'fresh in both') await p.cache.set('k', 'v');
  if (place === 'stale in both') {
    await p.cache.set('k', 'v', { ttl: 1_000, grace: 60_000 });
    await pass(w.clock, 1_000, 500);
  }
  return { ...w, ...p };
}

/** On a hit in L1 options are looked at only where they bear on it. */
const cases = bad.flatMap((row) =>
  places
    .filter((place) => place !== 'fresh in both' || 'earlyRefresh' in row[1] || 'sliding' in row[1])
    .map((place) => [place, ...row] as const),
);

describe('bad terms are refused by a rejection, and every tier is as it was', () => {
  it.each(cases)('%s: %s', async (place, _, options, message) => {
    const { cache, core, server, l2, clock } = await withValue(place);
    const before = [server.read('k'), core.local.get('k')];
    l2.sent.length = 0;
    const factory = vi.fn(() => 'new');
    const answers = [cache.getOrSet('k', factory, options as GetOrSetOptions)];
    if ('sliding' in options) answers.push(cache.getMany(['k'], options as ReadOptions) as never);
    if ('sliding' in options && place === 'fresh in both') answers.push(cache.get('k', options as ReadOptions) as never);
    for (const answer of answers) {
      await expect(answer).rejects.toThrow(ConfigError);
      await expect(answer).rejects.toThrow(message);
    }
    await settled();
    expect(factory).not.toHaveBeenCalled();
    expect([server.read('k'), core.local.get('k')]).toEqual(before);
    expect(server.leasedKeys()).toEqual([]);
    expect(l2.sent).toEqual([]);
    expect([core.flights.size, core.fence.size, core.refreshes.running, clock.pending]).toEqual([0, 0, 0, 0]);
  });

  it.each(bad)('%s, of a namespace: nothing is made', async (_, options, message) => {
    await using cache = cacheBuilder().build();
    expect(() => cache.namespace('n', options as NamespaceOptions)).toThrow(message);
    expect(() => cache.namespace('n', { ttl: '1h' })).not.toThrow();
  });
});

describe('bad terms of a whole cache', () => {
  const { POSITIVE_INFINITY: endless, NaN: notANumber } = Number;
  it.each<[string, () => unknown, RegExp]>([
    [
      'soft above hard',
      () => cacheBuilder().softTimeout('2s').hardTimeout('1s').build(),
      /^softTimeout must be at most hardTimeout/,
    ],
    [
      'hard below soft',
      () => cacheBuilder().hardTimeout('1s').softTimeout('2s').build(),
      /^softTimeout must be at most hardTimeout/,
    ],
    ['jitter above ttl', () => cacheBuilder().jitter('2s').ttl('1s').build(), /^jitter must be at most the ttl/],
    ['ttl below jitter', () => cacheBuilder().ttl('1s').jitter('2s').build(), /^jitter must be at most the ttl/],
    ['endless jitter', () => cacheBuilder().jitter(endless), /^jitter must end/],
    ['endless errorBackoff', () => cacheBuilder().errorBackoff(endless), /^errorBackoff must end/],
    ['negative errorBackoff', () => cacheBuilder().errorBackoff(-1), /^errorBackoff must not be negative/],
    ['negative swr', () => cacheBuilder().swr(-1), /^swr must not be negative/],
    ['negative grace', () => cacheBuilder().grace(-1), /^grace must not be negative/],
    ['negativeTtl 0', () => cacheBuilder().negativeTtl(0), /^negativeTtl must be positive/],
    ['beta 0', () => cacheBuilder().earlyRefresh({ beta: 0 }), /^earlyRefresh must be/],
    ['beta below 0', () => cacheBuilder().earlyRefresh({ beta: -2 }), /^earlyRefresh must be/],
    ['beta NaN', () => cacheBuilder().earlyRefresh({ beta: notANumber }), /^earlyRefresh must be/],
    ['memory ttl 0', () => cacheBuilder().memory({ ttl: 0 }), /the ttl of memory must be positive/],
    ['in the environment', () => cacheBuilder().env({ CACHE_ERROR_BACKOFF: 'Infinity' }), /CACHE_ERROR_BACKOFF must end/],
    [
      'jitter of the environment above the ttl',
      () => cacheBuilder().env({ CACHE_JITTER: '2s', CACHE_TTL: '1s' }).build(),
      /^jitter must be at most the ttl/,
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  it('in the middle of the steps they may cross, as long as they fit at the end', async () => {
    await using cache = cacheBuilder().softTimeout('2m').hardTimeout('3m').jitter('10m').ttl('1h').build();
    await cache.set('k', 1);
    expect(await cache.ttl('k')).toBeGreaterThan(2_900_000);
  });
});
