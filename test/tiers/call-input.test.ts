import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/errors.js';
import { world } from '../support/simulated-process.js';

function started() {
  return world().process('p');
}

/** As plain JavaScript would call it. */
function loosely(value: unknown): never {
  return value as never;
}

describe('options that would be lost without a word are refused, and nothing is stored', () => {
  it.each([
    ['a TTL as a bare argument', 5_000, /object of options.*5000/],
    ['a TTL as bare text', '10ms', /object of options/],
    ['null', null, /object of options/],
    ['a misspelt name', { tll: '1s' }, /'tll' is unknown.*ttl/],
  ])('%s', async (_, options, message) => {
    const { cache, l2 } = started();
    await expect(cache.set('k', 1, loosely(options))).rejects.toThrow(message);
    await expect(cache.get('k', loosely(options))).rejects.toThrow(ConfigError);
    await expect(cache.getOrSet('k', () => 1, loosely(options))).rejects.toThrow(ConfigError);
    await expect(cache.setMany([['k', 1, loosely(options)]])).rejects.toThrow(ConfigError);
    expect(l2.sent).toEqual([]);
    expect(cache.peek('k')).toBeUndefined();
  });

  it('a signal that is none', async () => {
    await expect(started().cache.getOrSet('k', () => 1, { signal: loosely('x') })).rejects.toThrow(/AbortSignal/);
  });
});

describe('what is no list is refused, and nothing is touched', () => {
  it.each([['user'], [undefined], [null], [5], [{}]])('keys: %j', async (keys) => {
    const { cache, l2 } = started();
    await expect(cache.getMany(loosely(keys))).rejects.toThrow(/getMany\(\) takes a list of keys/);
    await expect(cache.deleteMany(loosely(keys))).rejects.toThrow(ConfigError);
    expect(l2.sent).toEqual([]);
  });

  it.each([['ab'], [['ab']], [{}], [null], [[['k']]], [new Array(2)]])('entries: %j', async (entries) => {
    const { cache, l2 } = started();
    await expect(cache.setMany(loosely(entries))).rejects.toThrow(/setMany\(\) takes a list of \[key, value\] pairs/);
    expect(l2.sent).toEqual([]);
  });

  it('values of different types need no type argument', async () => {
    const { cache } = started();
    await cache.setMany([
      ['a', 1],
      ['b', 'x'],
    ]);
    expect(await cache.getMany(['a', 'b'])).toEqual(
      new Map<string, unknown>([
        ['a', 1],
        ['b', 'x'],
      ]),
    );
  });
});

describe('listeners', () => {
  it('of events that do not exist, or that are no function, are refused', () => {
    const { cache } = started();
    expect(() => cache.on(loosely('hitt'), () => {})).toThrow(/no event 'hitt'.*hit, miss/);
    expect(() => cache.on('hit', loosely('no'))).toThrow(ConfigError);
  });

  it('that fail later are a warning, not an unhandled rejection', async () => {
    const { cache } = started();
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    cache.on('set', async () => {
      throw new Error('the metrics are down');
    });
    await cache.set('k', 1);
    expect((await warned).message).toContain('the metrics are down');
  });

  it('hear of a pattern that was deleted', async () => {
    const { cache } = started();
    const heard: unknown[] = [];
    cache.on('delete:pattern', (event) => heard.push(event));
    const users = cache.namespace('users');
    await users.set('1', 1);
    expect(await users.deletePattern('*')).toBe(1);
    expect(heard).toEqual([{ namespace: 'users', pattern: '*', removed: 1 }]);
    expect(cache.stats().deletes).toBe(1);
  });
});
