import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { ClosedError, ConfigError, InvalidKeyError } from '../../src/errors.js';
import { cached, cachedMethod } from '../../src/tiers/cached.js';
import { compiledServices } from '../support/decorated/compiled.js';
import type { services } from '../support/decorated/services.js';
import { deferred, settled, world } from '../support/simulated-process.js';

const newCache = () => world().process('p').cache;

let define: typeof services;
beforeAll(async () => {
  define = await compiledServices();
});

describe('a method with @cached', () => {
  let cache: TieredCache;
  let shared: TieredCache;
  let made: ReturnType<typeof services>;
  beforeEach(() => {
    cache = newCache();
    shared = newCache();
    made = define({ cached, cachedMethod }, shared);
  });

  it('runs once for the same arguments, with its `this`', async () => {
    const memoize = vi.spyOn(cache, 'memoize');
    const service = new made.UserService('a', cache);
    expect(await Promise.all([service.find(1), service.find(1), service.find(2)])).toEqual(['1 of a', '1 of a', '2 of a']);
    expect(await service.find(1)).toBe('1 of a');
    expect(made.runs).toEqual(['find 1 a', 'find 2 a']);
    expect([service.find.name, service.find.length]).toEqual(['find', 1]);
    expect(memoize).toHaveBeenCalledTimes(1);
  });

  it('shares results among instances of one cache, and not with another cache', async () => {
    const [a, b, elsewhere] = [
      new made.UserService('a', cache),
      new made.UserService('b', cache),
      new made.UserService('c', newCache()),
    ];
    expect([await a.find(1), await b.find(1), await elsewhere.find(1)]).toEqual(['1 of a', '1 of a', '1 of c']);
  });

  it('tells instances apart by its key', async () => {
    const [a, b] = [new made.UserService('a', cache), new made.UserService('b', cache)];
    expect([await a.shared(1), await b.shared(1), await a.shared(1)]).toEqual(['1 of a', '1 of b', '1 of a']);
    expect(made.runs).toEqual(['shared 1 a', 'shared 1 b']);
    expect(cachedMethod(b, b.shared).keyOf(1)).toBe('b:1');
    expect(await shared.namespace('shared').get('b:1')).toBe('1 of b');
    expect(await cachedMethod(b, b.shared).invalidate(1)).toBe(true);
    expect([await a.shared(1), await b.shared(1)]).toEqual(['1 of a', '1 of b']);
    expect(made.runs).toEqual(['shared 1 a', 'shared 1 b', 'shared 1 b']);
  });

  it('may be static', async () => {
    const { UserService } = made;
    const name = await UserService.count({ a: 1, b: 2 });
    expect(await UserService.count({ b: 2, a: 1 })).toBe(name);
    expect(made.runs).toEqual(['count']);
    expect(await cachedMethod(UserService, UserService.count).invalidate({ a: 1, b: 2 })).toBe(true);
  });

  it('may be private', async () => {
    const service = new made.UserService('a', cache);
    expect([await service.secret(1), await service.secret(1)]).toEqual(['secret 1 of a', 'secret 1 of a']);
    expect(await service.forget(1)).toBe(true);
    await service.secret(1);
    expect(made.runs).toEqual(['secret 1', 'secret 1']);
  });

  it('may be inherited', async () => {
    const [parent, child] = [new made.UserService('a', cache), new made.Inheriting('a', cache)];
    await parent.find(1);
    await child.find(1);
    expect(made.runs).toEqual(['find 1 a']);
  });

  it('may be overridden, and called by the method that overrides it', async () => {
    const [user, admin] = [new made.UserService('a', cache), new made.AdminService('a', cache)];
    expect([await admin.find(1), await admin.find(1), await user.find(1)]).toEqual(['admin 1 of a', 'admin 1 of a', '1 of a']);
    expect(made.runs).toEqual(['find admin 1', 'find 1 a']);
    expect(await cachedMethod(admin, admin.find).invalidate(1)).toBe(true);
    await Promise.all([admin.find(1), user.find(1)]);
    expect(made.runs).toEqual(['find admin 1', 'find 1 a', 'find admin 1']);
  });

  it('has what a memoized function has, by cachedMethod()', async () => {
    const service = new made.UserService('a', cache);
    const find = cachedMethod(service, service.find);
    expect(await find(1)).toBe('1 of a');
    expect(await cache.namespace('user').ttl(find.keyOf(1))).toBe(600_000);
    expect(await find.refresh(1)).toBe('1 of a');
    expect(await find.invalidate(1)).toBe(true);
    await service.find(1);
    await find.clear();
    await service.find(1);
    expect(made.runs).toEqual(Array(4).fill('find 1 a'));
  });

  it('rejects, and never throws, when no cache is found or the cache is closed', async () => {
    const lost = new made.UserService('a', undefined as unknown as TieredCache);
    const call = lost.find(1);
    await expect(call).rejects.toThrow(ConfigError);
    await expect(call).rejects.toThrow(
      "@cached(…, 'user') found no cache: its first argument, a function of the instance, gave undefined.",
    );
    await cache.close();
    await expect(new made.UserService('a', cache).find(1)).rejects.toThrow(ClosedError);
  });

  it('rejects arguments of which no key can be made', async () => {
    const service = new made.UserService('a', cache);
    await expect(service.find(Symbol('id') as unknown as number)).rejects.toThrow(InvalidKeyError);
  });
});

/** What a compiler makes of a decorator, by hand. */
const method = { kind: 'method', name: 'find', static: false, private: false } as ClassMethodDecoratorContext;

it('shares an error among those who wait, and tries again', async () => {
  const run = deferred<string>();
  let runs = 0;
  const find = cached(newCache(), 'user')((_id: number) => {
    runs += 1;
    return run.promise;
  }, method);
  const calls = Promise.allSettled([find(1), find(1)]);
  await settled();
  const error = new Error('away');
  run.reject(error);
  expect(await calls).toEqual(Array(2).fill({ status: 'rejected', reason: error }));
  await expect(find(1)).rejects.toBe(error);
  expect(runs).toBe(2);
});

describe('bad input', () => {
  const make = cached as (...args: unknown[]) => (...args: unknown[]) => unknown;
  const cache = newCache();

  it.each<[string, unknown[], string]>([
    [
      'no name',
      [cache],
      "The name given to @cached(cache, name) must be 1 to 64 characters of A-Z, a-z, 0-9, '_', '.' and '-'",
    ],
    ['a bad name', [cache, 'user:find'], 'The name given to @cached(cache, name) must be 1 to 64 characters'],
    ['no cache', [undefined, 'user'], "@cached(cache, 'user') needs a cache, or a function that finds one on the instance"],
    ['a cache of another kind', [new Map(), 'user'], "@cached(cache, 'user') needs a cache"],
    ['an unknown option', [cache, 'user', { tll: '5m' }], "The option 'tll' is unknown."],
    [
      'a key that is no function',
      [cache, 'user', { key: 'id' }],
      'key must be a function of the arguments that returns a string.',
    ],
    ['a TTL alone', [cache, 'user', '5m'], 'takes an object of options as its last argument'],
  ])('%s is refused when the class is defined', (_, args, message) => {
    expect(() => make(...args)).toThrow(ConfigError);
    expect(() => make(...args)).toThrow(message);
  });

  it.each<[string, unknown[], string]>([
    ['a getter', [() => 1, { kind: 'getter', name: 'x' }], 'and this is a getter: '],
    [
      'a field',
      [undefined, { kind: 'field', name: 'x' }],
      "and this is a field: for a function in a field write field = cache.memoize('user', …).",
    ],
    ['a class', [class {}, { kind: 'class', name: 'A' }], 'and this is a class: '],
    ['a method by an experimental decorator', [{}, 'find', {}], "leave 'experimentalDecorators' out of tsconfig."],
    ['nothing', [], "leave 'experimentalDecorators' out of tsconfig."],
  ])('%s is refused when the class is defined', (_, args, message) => {
    expect(() => make(cache, 'user')(...args)).toThrow(ConfigError);
    expect(() => make(cache, 'user')(...args)).toThrow(message);
  });

  it('cachedMethod() refuses a method that is not decorated', () => {
    const { UserService } = define({ cached, cachedMethod }, cache);
    const service = new UserService('a', cache);
    expect(() => cachedMethod(service, service.plain)).toThrow(ConfigError);
    expect(() => cachedMethod(service, undefined as unknown as () => void)).toThrow(
      /^cachedMethod\(\) takes an object and one of its/,
    );
  });
});
