import { describe, expect, it } from 'vitest';
import { ConfigError, InvalidKeyError, InvalidValueError } from '../../src/errors.js';
import { deferred, settled, simulatedProcess, world } from '../support/simulated-process.js';

function started() {
  const w = world();
  return { ...w, ...w.process('p') };
}

describe('getMany', () => {
  it('keeps the order asked, once each, misses left out, in one round trip for what L1 lacks', async () => {
    const { cache, process, l2 } = started();
    await process('other').cache.setMany([
      ['a', 1],
      ['c', 3],
      ['d', null],
    ]);
    await cache.set('b', 2);
    l2.sent.length = 0;
    const found = await cache.getMany(['d', 'b', 'none', 'a', 'b', 'd', 'c']);
    expect([...found]).toEqual([
      ['d', null],
      ['b', 2],
      ['a', 1],
      ['c', 3],
    ]);
    expect(l2.sent).toEqual(['readMany d none a c']);
    expect(cache.stats()).toMatchObject({ hits: 4, misses: 1, l1: { hits: 1, misses: 4 }, l2: { hits: 3, misses: 1 } });
  });

  it('asks nobody for what L1 has, nor for nothing', async () => {
    const { cache, l2 } = started();
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    l2.sent.length = 0;
    expect((await cache.getMany(['b', 'a'])).size).toBe(2);
    expect(await cache.getMany([])).toEqual(new Map());
    expect(l2.sent).toEqual([]);
  });

  it('takes any iterable, once, and gives back the keys without the namespace', async () => {
    const { cache } = started();
    const users = cache.namespace('users');
    await users.setMany(
      (function* () {
        yield ['a', 1] as const;
        yield ['b', 2, { ttl: '1s' }] as const;
      })(),
    );
    const keys = new Set(['b', 'a']).values();
    expect([...(await users.getMany(keys))]).toEqual([
      ['b', 2],
      ['a', 1],
    ]);
    expect(await users.ttl('b')).toBe(1_000);
  });

  it('serves an L1 copy that ends while the others are fetched, as get would have', async () => {
    const { cache, gates, clock } = started();
    await cache.set('a', 1, { ttl: '100ms' });
    const gate = gates.hold('readMany');
    const found = cache.getMany(['a', 'b']);
    await gate.arrived;
    clock.advance(100);
    gate.release();
    expect(await found).toEqual(new Map([['a', 1]]));
  });

  it('refuses one bad key before anything is asked', async () => {
    const { cache, l2 } = started();
    await expect(cache.getMany(['a', ''])).rejects.toBeInstanceOf(InvalidKeyError);
    expect(l2.sent).toEqual([]);
  });
});

describe('setMany', () => {
  const bad: [string, unknown, typeof InvalidKeyError | typeof InvalidValueError | typeof ConfigError, object?][] = [
    ['', 1, InvalidKeyError],
    ['x'.repeat(513), 1, InvalidKeyError],
    ['b', undefined, InvalidValueError],
    ['b', () => 1, InvalidValueError],
    ['b', 1, ConfigError, { ttl: 0 }],
    ['b', 1, ConfigError, { grace: -1 }],
  ];
  it.each(bad)('with the bad entry [%j, %o] writes nothing anywhere', async (key, value, error, options) => {
    const { cache, server, core, l2 } = started();
    const entries = [['a', 1], options === undefined ? [key, value] : [key, value, options], ['c', 3]] as [string, unknown][];
    await expect(cache.setMany(entries)).rejects.toBeInstanceOf(error);
    expect(server.entries.size + core.local.size + l2.sent.length).toBe(0);
    const alone = simulatedProcess(world().clock, undefined);
    await expect(alone.cache.setMany(entries)).rejects.toBeInstanceOf(error);
    expect(alone.core.local.size).toBe(0);
  });

  it('takes the Map that getMany returns, in one round trip', async () => {
    const { cache, l2 } = started();
    await cache.setMany(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    await cache.setMany(await cache.getMany(['b', 'a']), { ttl: '1s' });
    expect(l2.sent).toEqual(['writeMany a b', 'writeMany b a']);
    expect(await cache.ttl('a')).toBe(1_000);
  });

  it('the last of two values for one key counts', async () => {
    const { cache, server } = started();
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ]);
    expect([server.read('a')?.value, cache.peek('a')]).toEqual([3, 3]);
    expect(cache.stats().sets).toBe(2);
  });

  it('of nothing asks nobody', async () => {
    const { cache, l2 } = started();
    await cache.setMany([]);
    expect(await cache.deleteMany([])).toBe(0);
    expect(l2.sent).toEqual([]);
  });

  it('one entry’s own options go over those of all', async () => {
    const { cache } = started();
    await cache.setMany(
      [
        ['a', 1],
        ['b', 2, { ttl: '2s' }],
        ['c', 3, { ttl: undefined }],
      ],
      { ttl: '1s' },
    );
    expect([await cache.ttl('a'), await cache.ttl('b'), await cache.ttl('c')]).toEqual([1_000, 2_000, 1_000]);
  });
});

describe('deleteMany', () => {
  it('counts what was there, once each, and overtakes the loads of all', async () => {
    const { cache, l2 } = started();
    await cache.set('a', 1);
    const factory = deferred<string>();
    const answer = cache.getOrSet('b', () => factory.promise);
    await settled();
    l2.sent.length = 0;
    expect(await cache.deleteMany(['a', 'b', 'a', 'c'])).toBe(1);
    expect(l2.sent).toEqual(['removeMany a b c']);
    factory.resolve('old');
    await answer;
    expect((await cache.getMany(['a', 'b', 'c'])).size).toBe(0);
    expect(cache.stats().deletes).toBe(3);
  });
});
