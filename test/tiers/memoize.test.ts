import { afterEach, describe, expect, it, vi } from 'vitest';
import type { GetOrSetOptions } from '../../src/cache.js';
import { ClosedError, ConfigError, InvalidKeyError } from '../../src/errors.js';
import { deferred, pass, settled, world } from '../support/simulated-process.js';

interface User {
  readonly id: number;
  readonly run: number;
}

function loader() {
  let runs = 0;
  return vi.fn(async (id: number, _options?: object): Promise<User> => ({ id, run: ++runs }));
}

const newCache = () => world().process('p').cache;

describe('a memoized function', () => {
  it('runs once for a thousand callers of the same arguments, and not again while the result is fresh', async () => {
    const { clock, process } = world();
    const load = loader();
    const user = process('p').cache.memoize('user', load, { ttl: '1m' });
    const users = await Promise.all(Array.from({ length: 1_000 }, () => user(42)));
    expect(users.every((each) => each === users[0])).toBe(true);
    expect(await user(42)).toEqual({ id: 42, run: 1 });
    expect(await user(7)).toEqual({ id: 7, run: 2 });
    await pass(clock, 60_001, 60_001);
    expect(await user(42)).toEqual({ id: 42, run: 3 });
    expect(load.mock.calls).toEqual([[42], [7], [42]]);
  });

  it('is one with the same name and arguments in another process', async () => {
    const { process } = world();
    const loads = [loader(), loader()] as const;
    const [here, there] = loads.map((load, index) => process(`p${index}`).cache.memoize('user', load));
    await here?.(42, { a: 1, b: 2 });
    expect(await there?.(42, { b: 2, a: 1 })).toEqual({ id: 42, run: 1 });
    expect(loads[1]).not.toHaveBeenCalled();
  });

  it('keeps `this`, a synchronous result, null, and the name and length of the function', async () => {
    const cache = newCache();
    const shop = {
      rate: 2,
      price: cache.memoize('price', function price(this: { rate: number }, net: number) {
        return net * this.rate;
      }),
    };
    expect(await shop.price(21)).toBe(42);
    expect([shop.price.name, shop.price.length]).toEqual(['price', 1]);
    const none = vi.fn((_id: number) => null);
    const nobody = cache.memoize('nobody', none);
    expect([await nobody(1), await nobody(1)]).toEqual([null, null]);
    expect(none).toHaveBeenCalledTimes(1);
  });

  it('is not its own `this` where it is called on itself', async () => {
    const seen = vi.fn();
    const whose = newCache().memoize('whose', async function (this: unknown) {
      seen(this);
    });
    await whose.refresh();
    expect(seen.mock.calls).toEqual([[undefined]]);
  });

  it('asks again for what was undefined', async () => {
    const find = vi.fn(async () => undefined);
    const none = newCache().memoize('none', find);
    expect([await none(), await none()]).toEqual([undefined, undefined]);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('shares its own error among those who wait, and tries again for the next', async () => {
    const error = new TypeError('no such user');
    const load = vi.fn((_id: number): string => {
      if (load.mock.calls.length === 1) throw error;
      return 'Ada';
    });
    const user = newCache().memoize('user', load);
    const results = await Promise.allSettled([user(1), user(1), user(1)]);
    expect(results.map((result) => (result.status === 'rejected' ? result.reason : result))).toEqual([error, error, error]);
    expect(load).toHaveBeenCalledTimes(1);
    expect(await user(1)).toBe('Ada');
  });

  it('lets a stale result stand in for an error, within its grace', async () => {
    const { clock, process } = world();
    const load = loader();
    const user = process('p').cache.memoize('user', load, { ttl: '1s', grace: '1h' });
    await user(1);
    await pass(clock, 2_000, 1_000);
    load.mockRejectedValueOnce(new Error('away'));
    expect(await user(1)).toEqual({ id: 1, run: 1 });
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('runs with the arguments as they were when it was called, whatever the caller does with them meanwhile', async () => {
    const cache = newCache();
    const page = cache.memoize('page', async (query: { page: number; words: string[] }) => `${query.page} ${query.words}`);
    const query = { page: 1, words: ['a'] };
    const first = page(query);
    query.page = 2;
    query.words.push('b');
    expect(await Promise.all([first, page(query)])).toEqual(['1 a', '2 a,b']);
    expect(await page({ page: 1, words: ['a'] })).toBe('1 a');
  });

  it('rejects after close()', async () => {
    const cache = newCache();
    const user = cache.memoize('user', loader());
    await cache.close();
    await expect(user(1)).rejects.toThrow(ClosedError);
    await expect(user.refresh(1)).rejects.toThrow(ClosedError);
    await expect(user.invalidate(1)).rejects.toThrow(ClosedError);
    await expect(user.clear()).rejects.toThrow(ClosedError);
    expect(() => cache.memoize('user', loader())).toThrow(ClosedError);
  });
});

describe('what was memoized', () => {
  it('can be invalidated for some arguments', async () => {
    const user = newCache().memoize('user', loader());
    await Promise.all([user(1), user(2)]);
    expect(await user.invalidate(1)).toBe(true);
    expect(await user.invalidate(1)).toBe(false);
    expect(await user(1)).toEqual({ id: 1, run: 3 });
    expect(await user(2)).toEqual({ id: 2, run: 2 });
  });

  it('can be cleared, and nothing else with it', async () => {
    const cache = newCache();
    const user = cache.memoize('user', loader());
    const other = cache.memoize('other', loader());
    const inner = cache.namespace('inner').memoize('user', loader());
    await cache.set('user', 'mine');
    await Promise.all([user(1), user(2), other(1), inner(1)]);
    await user.clear();
    expect(await Promise.all([user(1), user(2), other(1), inner(1)])).toEqual([
      { id: 1, run: 3 },
      { id: 2, run: 4 },
      { id: 1, run: 1 },
      { id: 1, run: 1 },
    ]);
    expect(await cache.get('user')).toBe('mine');
  });

  it('can be reached by its key, for all else that a cache does', async () => {
    const cache = newCache();
    const user = cache.memoize('user', loader(), { ttl: '1h' });
    await user(1);
    const users = cache.namespace('user');
    expect(await users.get(user.keyOf(1))).toEqual({ id: 1, run: 1 });
    expect(await users.ttl(user.keyOf(1))).toBe(3_600_000);
  });

  it('is one cache’s: another runs the function itself', async () => {
    const [one, other] = [newCache(), newCache()];
    const load = loader();
    expect([await one.memoize('user', load)(1), await other.memoize('user', load)(1)]).toMatchObject([{ run: 1 }, { run: 2 }]);
  });
});

describe('a refresh', () => {
  it('runs the function and replaces what is kept', async () => {
    const load = loader();
    const user = newCache().memoize('user', load);
    await user(1);
    expect(await user.refresh(1)).toEqual({ id: 1, run: 2 });
    expect(await user(1)).toEqual({ id: 1, run: 2 });
  });

  it('that fails leaves what is there', async () => {
    const load = loader();
    const user = newCache().memoize('user', load, { grace: '1h' });
    await user(1);
    const error = new Error('away');
    load.mockRejectedValueOnce(error);
    await expect(user.refresh(1)).rejects.toBe(error);
    expect(await user(1)).toEqual({ id: 1, run: 1 });
  });

  it('has the last word over a call that began before it', async () => {
    const { clock, process } = world();
    const results = [deferred<string>(), deferred<string>()];
    const load = vi.fn(async () => results[load.mock.calls.length - 1]?.promise);
    const user = process('p').cache.memoize('user', load);
    const call = user();
    await settled();
    const refresh = user.refresh();
    await settled();
    results[0]?.resolve('old');
    expect(await call).toBe('old');
    await pass(clock, 500);
    expect(load).toHaveBeenCalledTimes(2);
    results[1]?.resolve('new');
    expect(await refresh).toBe('new');
    expect(await user()).toBe('new');
  });

  it('shares one run with others', async () => {
    const load = loader();
    const user = newCache().memoize('user', load);
    expect(await Promise.all([user.refresh(1), user.refresh(1)])).toEqual([
      { id: 1, run: 1 },
      { id: 1, run: 1 },
    ]);
  });

  it.each(['this', 'another'])('stores nothing if %s process invalidates meanwhile', async (where) => {
    const { process } = world();
    const { cache } = process('here');
    const results = [deferred<string>(), deferred<string>()];
    const load = vi.fn(async (_id: number) => results[load.mock.calls.length - 1]?.promise);
    const user = cache.memoize('user', load);
    const elsewhere = process('elsewhere').cache.memoize('user', load);
    const refresh = user.refresh(1);
    await settled();
    expect(load).toHaveBeenCalledTimes(1);
    await (where === 'this' ? user : elsewhere).invalidate(1);
    results[0]?.resolve('old');
    results[1]?.resolve('new');
    expect(await refresh).toBe('old');
    expect(await user(1)).toBe('new');
    expect(await elsewhere(1)).toBe('new');
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('that began after an invalidation is kept', async () => {
    const user = newCache().memoize('user', loader());
    await user(1);
    const [removed, refreshed] = await Promise.all([user.invalidate(1), user.refresh(1)]);
    expect([removed, refreshed]).toEqual([true, { id: 1, run: 2 }]);
    expect([
      { id: 1, run: 2 },
      { id: 1, run: 3 },
    ]).toContainEqual(await user(1));
  });
});

describe('keys', () => {
  it('are made by the function that is given', async () => {
    class Request {
      constructor(readonly path: string) {}
    }
    const render = vi.fn(async (request: Request) => `page of ${request.path}`);
    const cache = newCache();
    const page = cache.memoize('page', render, { key: ({ path }) => path });
    expect([await page(new Request('/a')), await page(new Request('/a'))]).toEqual(['page of /a', 'page of /a']);
    expect(render).toHaveBeenCalledTimes(1);
    expect(await cache.namespace('page').get('/a')).toBe('page of /a');
    expect([page.keyOf(new Request('/a')), await page.invalidate(new Request('/a'))]).toEqual(['/a', true]);
  });

  it('may tell one `this` from another', async () => {
    const greet = newCache().memoize(
      'greet',
      async function (this: { tenant: string }, name: string) {
        return `${name} of ${this.tenant}`;
      },
      {
        key(name) {
          return `${this.tenant}:${name}`;
        },
      },
    );
    const [a, b] = [
      { tenant: 'a', greet },
      { tenant: 'b', greet },
    ];
    expect([await a.greet('Ada'), await b.greet('Ada')]).toEqual(['Ada of a', 'Ada of b']);
    expect(await greet.invalidate.call(b, 'Ada')).toBe(true);
    expect(await greet.refresh.call(b, 'Ada')).toBe('Ada of b');
    expect(greet.keyOf.call(a, 'Ada')).toBe('a:Ada');
  });

  it.each<[string, unknown, string]>([
    ['a number', 42, 'A key must be a string, got number 42.'],
    ['nothing', undefined, 'A key must be a string, got undefined.'],
    ['an empty string', '', 'A key must not be empty.'],
    ['too long a string', 'k'.repeat(513), 'has 513 bytes of UTF-8; 512 are allowed.'],
    ['half a character', '\ud800', 'has half a surrogate pair'],
    ['a promise', Promise.resolve('k'), 'A key must be a string, got object.'],
  ])('must not be %s', async (_, made, reason) => {
    const load = loader();
    const user = newCache().memoize('user', load, { key: () => made as string });
    for (const call of [user(1), user.refresh(1), user.invalidate(1)]) {
      const error = await call.then(undefined, (reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidKeyError);
      expect((error as Error).message).toContain("The key function of 'user' returned what is no key. ");
      expect((error as Error).message).toContain(reason);
    }
    expect(() => user.keyOf(1)).toThrow(InvalidKeyError);
    expect(load).not.toHaveBeenCalled();
  });

  it('fail with the error of their function', async () => {
    const error = new RangeError('mine');
    const user = newCache().memoize('user', loader(), {
      key() {
        throw error;
      },
    });
    await expect(user(1)).rejects.toBe(error);
    await expect(user.invalidate(1)).rejects.toBe(error);
  });

  it('cannot be made of everything', async () => {
    const load = vi.fn(async (_id: number, _done: object) => 1);
    const call = newCache().memoize('call', load);
    await expect(call(1, { done: () => 1 })).rejects.toThrow("argument 2 of 'call': args[1].done is a function. ");
    await expect(call.invalidate(1, new Map([[Symbol('s'), 1]]))).rejects.toThrow(InvalidKeyError);
    expect(load).not.toHaveBeenCalled();
  });
});

describe('bad input', () => {
  const cache = newCache();
  const memoize = cache.memoize.bind(cache) as (...args: unknown[]) => unknown;
  const load = loader();
  afterEach(() => expect(load).not.toHaveBeenCalled());

  it.each<[string, unknown[], string]>([
    ['no function', ['a'], "memoize() needs a function after the name: memoize('user', loadUser)."],
    ['a promise', ['a', Promise.resolve()], 'memoize() needs a function after the name'],
    ['no name', [load], 'memoize() needs a function after the name'],
    ['a name that is none', ['user:1', load], "namespace must be 1 to 64 characters of A-Z, a-z, 0-9, '_', '.' and '-'"],
    [
      'a TTL alone',
      ['a', load, '5m'],
      "memoize() takes an object of options as its last argument, such as { ttl: '5m' }; got 5m.",
    ],
    ['null', ['a', load, null], 'memoize() takes an object of options as its last argument'],
    ['an unknown option', ['a', load, { tll: '5m' }], "The option 'tll' is unknown."],
    ['a key that is no function', ['a', load, { key: 'id' }], 'key must be a function of the arguments that returns a string.'],
    ['a TTL below zero', ['a', load, { ttl: -1 }], 'ttl must be positive'],
  ])('%s is refused at once', (_, args, message) => {
    expect(() => memoize(...args)).toThrow(ConfigError);
    expect(() => memoize(...args)).toThrow(message);
  });

  it('other options for a known name are refused; the same, or none, are not', () => {
    const options: GetOrSetOptions = { ttl: '1m', grace: '1h' };
    cache.memoize('known', load, options);
    cache.memoize('known', load, { ...options, ttl: 60_000 });
    cache.memoize('known', load);
    expect(() => cache.memoize('known', load, { ttl: '2m' })).toThrow(
      "The namespace 'known' was made with ttl 60000, grace 3600000 and ",
    );
  });
});
