import { ConfigError, cacheBuilder, type NamespaceOptions } from 'tierkeep';
import { expect, it } from 'vitest';
import { fakeClock } from '../../src/testing/fake-clock.js';

it('two handles to one name with the same options are one namespace', async () => {
  await using cache = cacheBuilder().build();
  expect(cache.namespace('users', { ttl: '1h' })).toBe(cache.namespace('users', { ttl: 3_600_000 }));
  expect(cache.namespace('users', { ttl: '1h' }).namespace('new')).not.toBe(cache.namespace('new'));
});

it('a namespace has what it says itself, and the rest from the cache or the namespace around it', async () => {
  const clock = fakeClock();
  await using cache = cacheBuilder().clock(clock).ttl('1m').grace('1h').build();
  const users = cache.namespace('users', { ttl: '10s' });
  const admins = users.namespace('admins', { grace: '5s' });
  await Promise.all([cache, users, admins].map((each) => each.set('k', 1)));
  const lives = await Promise.all(
    [cache, users, admins].map(async (each) => {
      const { freshUntil = 0, expiresAt = 0 } = (await each.getEntry('k')) ?? {};
      return [freshUntil - clock.now(), expiresAt - freshUntil];
    }),
  );
  expect(lives).toEqual([
    [60_000, 3_600_000],
    [10_000, 3_600_000],
    [10_000, 5_000],
  ]);
});

it.for<[string, string, unknown, RegExp]>([
  [
    'a name taken with other options',
    'taken',
    { ttl: '2h' },
    /'taken' was made with ttl 3600000 and is now asked for with ttl 7200000/,
  ],
  [
    'an unknown option',
    'users',
    { tll: '1h' },
    /^namespace\(\) does not know the option 'tll'\. There are ttl, grace, jitter, /,
  ],
  ['options that are none', 'users', '1h', /^namespace\(\) takes an object of options/],
  ['null for options', 'users', null, /^namespace\(\) takes an object of options/],
  ['a ttl of 0', 'users', { ttl: 0 }, /^ttl must be positive/],
  ['a negative grace', 'users', { grace: -1 }, /^grace must not be negative/],
  ['a name with a colon', 'a:b', {}, /^namespace must be 1 to 64 characters/],
])('%s is refused, and nothing is made', async ([, name, options, message]) => {
  await using cache = cacheBuilder().build();
  cache.namespace('taken', { ttl: '1h' });
  const make = () => cache.namespace(name, options as NamespaceOptions);
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
  if (name === 'users') cache.namespace('users', { ttl: '3h' });
});
