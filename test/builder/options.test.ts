import { type CacheBuilder, cacheBuilder } from 'tierkeep';
import { describe, expect, it } from 'vitest';
import { refusal } from './refusal.js';

/** As plain JavaScript calls it. */
type Loose = Record<keyof CacheBuilder, (...given: unknown[]) => CacheBuilder>;
const loose = () => cacheBuilder() as unknown as Loose;
const withL2 = () => cacheBuilder().redis({ url: 'redis://h' }) as unknown as Loose;

describe('options that cannot be right', () => {
  it.for<[string, () => unknown, string | RegExp]>([
    [
      'an unknown one, near a known one',
      () => loose().redis({ hots: 'h' }),
      "redis(): the option 'hots' is unknown. Did you mean 'host'?",
    ],
    [
      'an unknown one, part of a known one',
      () => loose().memory({ entries: 5 }),
      "memory(): the option 'entries' is unknown. Did you mean 'maxEntries'?",
    ],
    [
      'an unknown one, near none',
      () => loose().memory({ colour: 'blue' }),
      "memory(): the option 'colour' is unknown. There are maxEntries, maxBytes, ttl, values.",
    ],
    [
      'one that is a step of its own',
      () => loose().redis({ url: 'redis://h', ttl: '5m' }),
      "redis(): the option 'ttl' is unknown. It is a step of its own: .ttl('5m').",
    ],
    [
      'one that is the name of the cache',
      () => loose().redis({ url: 'redis://h', keyPrefix: 'shop:' }),
      "redis(): the option 'keyPrefix' is unknown. The key prefix is the cache's name: cacheBuilder('shop').",
    ],
    [
      'no number of entries',
      () => loose().memory({ maxEntries: '10k' }),
      "memory(): maxEntries must be a whole number from 1 to 16777215, got '10k'.",
    ],
    [
      'a fraction of an entry',
      () => loose().memory({ maxEntries: 0.5 }),
      'memory(): maxEntries must be a whole number from 1 to 16777215, got 0.5.',
    ],
    [
      'NaN bytes',
      () => loose().memory({ maxBytes: Number.NaN }),
      /^memory\(\): maxBytes must be a whole number .*, got NaN\.$/,
    ],
    [
      'a handling of values that does not exist',
      () => loose().memory({ values: 'shared' }),
      "memory(): values must be 'reference', 'frozen' or 'cloned', got 'shared'.",
    ],
    ['a number where options go', () => loose().memory(500), 'memory() takes an object of options, got 500.'],
    [
      'a port out of range',
      () => loose().redis({ port: 70_000 }),
      'redis(): port must be a whole number from 1 to 65535, got 70000.',
    ],
    ['a db that is text', () => loose().redis({ db: '0' }), "redis(): db must be a whole number from 0 to 1000000, got '0'."],
    [
      'TLS that is text',
      () => loose().redis({ tls: 'yes' }),
      "redis(): tls must be true, false or an object of TLS options, got 'yes'.",
    ],
    [
      'TLS both on and off',
      () => loose().redis({ url: 'rediss://h', tls: false }),
      'redis(): tls is false but url begins with rediss://: write redis:// there, or leave tls out.',
    ],
    [
      'an unknown driver',
      () => loose().redis({ driver: 'redis' }),
      "redis(): driver must be 'ioredis' or 'node-redis', got 'redis'.",
    ],
    [
      'a time-out without end',
      () => loose().redis({ connectTimeout: Number.POSITIVE_INFINITY }),
      /^redis\(\): connectTimeout must end/,
    ],
    ['a client that is none', () => loose().redis({ client: {} }), /^redis\(\): client takes an object with duplicate\(\)/],
    [
      'a client and a server',
      () => loose().redis({ client: { duplicate() {}, connect() {}, on() {} }, host: 'h', db: 2 }),
      'redis(): client knows its own server: leave out host, db, or leave out client.',
    ],
    [
      'a client where options go',
      () => loose().redis(new (class Redis {})()),
      "redis() takes an object of options, got an instance of Redis. Write .redis({ url: 'redis://…' }), or .redis({ client }) with a client of your own.",
    ],
    ['a port in the host', () => loose().redis({ host: 'h:6379' }), /^redis\(\): host must be a host name or address alone/],
    ['an http url', () => loose().redis({ url: 'http://h' }), /^redis\(\): url begins with http:\/\/; expected redis:\/\//],
    ['a url without scheme', () => loose().redis({ url: 'localhost:6379' }), /^redis\(\): url does not begin with redis:\/\//],
    ['a url that is none', () => loose().redis({ url: '//' }), /^redis\(\): url cannot be parsed; expected redis:\/\//],
    ['a url that is no text', () => loose().redis({ url: 5 }), /^redis\(\): url is no text; expected redis:\/\//],
    [
      'a half of a percentage',
      () => withL2().circuitBreaker({ errorThreshold: 0.5 }),
      /^circuitBreaker\(\): errorThreshold must be a whole number from 1 to 100/,
    ],
    [
      'a window too short to count in',
      () => withL2().circuitBreaker({ window: 20 }),
      'circuitBreaker(): window must be at least 100 ms, got 20 ms.',
    ],
    [
      'a lease too short to renew',
      () => withL2().lease({ ttl: '5ms' }),
      'lease(): the ttl of a lease must be at least 100 ms, got 5 ms.',
    ],
    [
      'a staleness too short to prove',
      () => withL2().bus({ maxStaleness: '50ms' }),
      'bus(): maxStaleness must be at least 100 ms, got 50 ms.',
    ],
    [
      'a bus that is true',
      () => withL2().bus(true),
      'bus() takes an object of options, got true. Write .bus(false) to turn it off.',
    ],
    [
      'a number for the pauses of reconnection',
      () => loose().redis({ url: 'redis://h', reconnect: 50 }),
      "redis(): reconnect must be an object such as { minBackoff: '50ms', maxBackoff: '1s' }, got 50.",
    ],
    [
      'an unknown pause of reconnection',
      () => loose().cluster({ nodes: ['h'], reconnect: { minBackof: 50 } }),
      "cluster(): the option 'reconnect.minBackof' is unknown. There is 'minBackoff'.",
    ],
    [
      'a pause without end',
      () => loose().redis({ url: 'redis://h', reconnect: { maxBackoff: Number.POSITIVE_INFINITY } }),
      /^redis\(\): reconnect\.maxBackoff must end/,
    ],
    [
      'a first pause longer than the longest',
      () => loose().sentinel({ name: 'm', sentinels: ['h'], reconnect: { minBackoff: '2s' } }),
      'sentinel(): reconnect.minBackoff (2000 ms) must not be longer than reconnect.maxBackoff (1000 ms): set both.',
    ],
    [
      'the same by a variable',
      () => loose().env({ REDIS_URL: 'redis://h', REDIS_RECONNECT_MAX_BACKOFF: '10ms' }),
      'The environment: REDIS_RECONNECT_MIN_BACKOFF (50 ms) must not be longer than REDIS_RECONNECT_MAX_BACKOFF (10 ms): set both.',
    ],
    ['half a retry', () => withL2().retry({ retries: 0.5 }), 'retry(): retries must be a whole number from 0 to 10, got 0.5.'],
    [
      'retries without end',
      () => withL2().retry({ retries: Number.POSITIVE_INFINITY }),
      /^retry\(\): retries must be a whole number/,
    ],
    ['no pause between retries', () => withL2().retry({ minBackoff: 0 }), 'retry(): minBackoff must be positive, got 0.'],
    [
      'a first back-off longer than the longest',
      () => withL2().retry({ minBackoff: '1s' }),
      'minBackoff (1000 ms) must not be longer than maxBackoff (100 ms): set both.',
    ],
    [
      'the same by variables',
      () => loose().env({ CACHE_RETRY_MIN_BACKOFF: '200ms', CACHE_RETRY_MAX_BACKOFF: '150ms' }),
      'minBackoff (200 ms) must not be longer than maxBackoff (150 ms): set both.',
    ],
    [
      'a ttl of 0',
      () => loose().ttl(0),
      'ttl must be positive, got 0. To keep for ever write Infinity; to store nothing return skip(value).',
    ],
    ['a ttl in words', () => loose().ttl('5 minutes'), /^ttl must be a number of milliseconds or text such as '250ms'/],
    ['no ttl', () => loose().ttl(), /^ttl must be a number of milliseconds .*; got undefined\.$/],
    ['a negative grace', () => loose().grace(-1), 'grace must not be negative, got -1.'],
    ['a budget without end', () => loose().budget(Number.POSITIVE_INFINITY), /^budget must end/],
    ['a hard time-out over 24.8 days', () => loose().hardTimeout('25d'), /^hardTimeout must end/],
    [
      'a tier that is no cache',
      () => loose().tier(new Map()),
      /^tier\(\) takes an object with getEntry\(\), .*; an instance of Map has no getEntry\(\), setMany\(\)/,
    ],
    [
      'a tier with a bad name',
      () => loose().tier(cacheBuilder().build(), { name: 'a:b' }),
      /^tier\(\): name must be 1 to 64 characters/,
    ],
    [
      'half a clock',
      () => loose().clock({ now: () => 0 }),
      'clock() takes an object with now(), coarseNow(), monotonic(), schedule(); an object has no coarseNow(), monotonic(), schedule().',
    ],
    ['no clock', () => loose().clock(null), /^clock\(\) takes an object with .*; null has no now\(\)/],
    [
      'a function as logger',
      () => loose().logger(() => {}),
      /^logger\(\) takes an object with .*; a function has no debug\(\)/,
    ],
    [
      'an object as plugin',
      () => loose().use({}),
      'use() takes a plugin: a function that is given the cache once it is built.',
    ],
  ])('%s', ([, build, message]) => {
    if (typeof message === 'string') expect(refusal(build)).toBe(message);
    else expect(refusal(build)).toMatch(message);
  });

  it('come all in one error', () => {
    expect(refusal(() => loose().redis({ port: 0, hots: 'h', db: -1, keepAlive: 'soon' }))).toBe(
      `redis(): 4 things are wrong.
- port must be a whole number from 1 to 65535, got 0.
- db must be a whole number from 0 to 1000000, got -1.
- keepAlive must be a number of milliseconds or text such as '250ms', '5s', '5m', '1h', '1d'; got 'soon'.
- the option 'hots' is unknown. Did you mean 'host'?`,
    );
  });

  it.for<[string, () => unknown]>([
    ['a url that cannot be used', () => loose().redis({ url: 'http://user:hunter2@h' })],
    ['a url that cannot be parsed', () => loose().redis({ url: 'redis://user:hunter2@:::' })],
    ['a url that cannot be decoded', () => loose().redis({ url: 'redis://user:%hunter2@h' })],
    ['a url in place of the options', () => loose().redis('redis://:hunter2@h')],
    ['a url as host', () => loose().redis({ host: 'redis://:hunter2@h' })],
    ['a url as port', () => loose().redis({ port: 'redis://:hunter2@h' })],
    ['a password that is a number', () => loose().redis({ password: 0xdead as unknown })],
    ['a password under a wrong name', () => loose().redis({ pasword: 'hunter2' })],
    ['an empty user', () => loose().redis({ username: '', password: 'hunter2' })],
  ])('never show a password: %s', ([, build]) => {
    const message = refusal(build);
    expect(message).not.toMatch(/hunter2|57005/);
  });
});

it('takes an option that is undefined for one that was not given, which hides no earlier one', async () => {
  cacheBuilder().redis({ url: 'redis://h', password: undefined, tls: undefined }).circuitBreaker({ window: undefined });
  cacheBuilder().redis({ host: '::1' });
  await using cache = cacheBuilder().env({ CACHE_MAX_ENTRIES: '1' }).memory({ maxEntries: undefined }).build();
  await cache.setMany([
    ['a', 1],
    ['b', 2],
  ]);
  expect(cache.stats().entries).toBe(1);
});
