import { describe, expect, it, vi } from 'vitest';
import { ConfigError, InvalidKeyError } from '../../src/errors.js';
import { deferred, settled, world } from '../support/simulated-process.js';

function started() {
  const w = world();
  return { ...w, ...w.process('p') };
}

describe('a namespace', () => {
  it('two handles to one name are one', () => {
    const { cache } = started();
    expect(cache.namespace('users', { ttl: '1m' })).toBe(cache.namespace('users', { ttl: 60_000 }));
    expect(cache.namespace('a').namespace('b')).toBe(cache.namespace('a').namespace('b'));
  });

  it('shares its flights with the root and with every other handle', async () => {
    const { cache } = started();
    const factory = deferred<string>();
    const run = vi.fn(() => factory.promise);
    const answers = [
      cache.namespace('users').getOrSet('42', run),
      cache.namespace('users').getOrSet('42', run),
      cache.getOrSet('users:42', run),
    ];
    await settled();
    factory.resolve('Ada');
    expect(await Promise.all(answers)).toEqual(['Ada', 'Ada', 'Ada']);
    expect(run).toHaveBeenCalledTimes(1);
    expect(cache.peek('users:42')).toBe('Ada');
  });

  it('a delete in one handle overtakes a load in another', async () => {
    const { cache } = started();
    const factory = deferred<string>();
    const answer = cache.namespace('users').getOrSet('42', () => factory.promise);
    await settled();
    await cache.delete('users:42');
    factory.resolve('old');
    await answer;
    expect(await cache.namespace('users').get('42')).toBeUndefined();
  });

  it('other options for one name are a ConfigError that names both', () => {
    const { cache } = started();
    cache.namespace('users', { ttl: '1m' });
    expect(() => cache.namespace('users', { ttl: '2m' })).toThrow(/ttl 60000 .*ttl 120000/);
    expect(() => cache.namespace('orders', { ttl: 0 })).toThrow(ConfigError);
  });

  it('asked for without options is the one that is known', () => {
    const { cache } = started();
    const users = cache.namespace('users', { ttl: '1m' });
    expect(cache.namespace('users')).toBe(users);
  });

  it.each(['', 'a:b', 'a{b', 'a*', 'a b', 'x'.repeat(65)])('the name %j is a ConfigError', (name) => {
    expect(() => started().cache.namespace(name)).toThrow(ConfigError);
  });

  it('has defaults of its own, and hands them on to those inside it', async () => {
    const { cache } = started();
    const users = cache.namespace('users', { ttl: '1m', grace: '1h' });
    const names = users.namespace('names', { ttl: '1s' });
    await users.set('a', 1);
    await names.set('a', 1);
    await users.set('b', 1, { ttl: '2s' });
    expect([await users.ttl('a'), await names.ttl('a'), await users.ttl('b')]).toEqual([60_000, 1_000, 2_000]);
    const entry = await names.getEntry('a');
    expect((entry?.expiresAt ?? 0) - (entry?.freshUntil ?? 0)).toBe(3_600_000);
  });

  it('clears itself and those inside it, and nothing else, here and in L2', async () => {
    const { cache, server } = started();
    const user = cache.namespace('user');
    const users = cache.namespace('users');
    await Promise.all([cache.set('a', 1), user.set('a', 1), users.set('a', 1), users.namespace('names').set('a', 1)]);
    await users.clear();
    expect(await Promise.all([cache, user, users, users.namespace('names')].map((view) => view.get('a')))).toEqual([
      1,
      1,
      undefined,
      undefined,
    ]);
    expect([cache.peek('a'), user.peek('a'), users.peek('a'), users.namespace('names').peek('a')]).toEqual([
      1,
      1,
      undefined,
      undefined,
    ]);
    expect(await user.deletePattern('*')).toBe(1);
    expect(await cache.get('a')).toBe(1);
    await cache.clear();
    expect(await cache.get('a')).toBeUndefined();
    expect(server.entryKeys()).not.toEqual([]);
    await cache.clear({ physical: true });
    expect(server.entryKeys()).toEqual([]);
  });

  it('checks its own keys and the whole ones', async () => {
    const { cache } = started();
    const users = cache.namespace('users');
    await expect(users.get('')).rejects.toBeInstanceOf(InvalidKeyError);
    await users.set('x'.repeat(506), 1);
    await expect(users.set('x'.repeat(507), 1)).rejects.toBeInstanceOf(InvalidKeyError);
  });

  it('an empty key is refused even where the root has an entry of that name', async () => {
    const { cache } = started();
    await cache.set('users:', 1);
    const users = cache.namespace('users');
    await expect(users.get('')).rejects.toBeInstanceOf(InvalidKeyError);
    await expect(users.getOrSet('', () => 2)).rejects.toBeInstanceOf(InvalidKeyError);
    expect(users.peek('')).toBeUndefined();
  });

  it('__proto__ is a name like any other', async () => {
    const { cache } = started();
    const odd = cache.namespace('__proto__');
    await odd.set('constructor', 1);
    expect(await odd.get('constructor')).toBe(1);
    expect(cache.namespace('__proto__')).toBe(odd);
  });

  it('is remembered by name up to a limit, and one made anew holds the same entries', async () => {
    const { cache } = started();
    const first = cache.namespace('user-0');
    await first.set('name', 'Ada');
    for (let id = 1; id <= 1_000; id += 1) cache.namespace(`user-${id}`);
    const again = cache.namespace('user-0');
    expect(again).not.toBe(first);
    expect(await again.get('name')).toBe('Ada');
  });
});
