import type { TieredCache } from '../cache.js';
import { checkName } from '../entries/keys.js';
import { ConfigError } from '../errors.js';
import type { AnyFunction, CachedDecorator, CachedOptions, KeyFunction, Memoized, MemoizeOptions } from '../memoized.js';
import { type Callable, like, optionsIn } from './memoize.js';

type Calls = Memoized<Callable>;

/** What each decorated method goes through, by the function that stands in its place. */
const decorated = new WeakMap<object, (self: unknown) => Calls>();

/**
 * Decorates a method (a standard decorator, not `experimentalDecorators`): its results are kept as {@link TieredCache.memoize} keeps those of a
 * function. The method may be static, private or inherited; `this` is kept, but is no part of the key unless `key` makes it one, so all
 * instances share the results. The name must be given: a class has another after minification, and a subclass another than its parent.
 * @param cache - a cache, or a function that finds it on the instance, such as `(self: UserService) => self.cache`
 * @example
 * class UserService {
 *   constructor(readonly cache: TieredCache, readonly db: Db) {}
 *   \@cached((self: UserService) => self.cache, 'user', { ttl: '10m' })
 *   async find(id: number): Promise<User> { return this.db.user(id); }
 * }
 * await cachedMethod(service, service.find).invalidate(42);
 * @throws ConfigError when the class is defined, for a bad name or option
 */
export function cached<Self = unknown, Key extends KeyFunction = () => string>(
  cache: TieredCache | ((self: Self) => TieredCache),
  name: string,
  options: CachedOptions<Key> = {},
): CachedDecorator<Self, Key> {
  checkName(name, 'The name given to @cached(cache, name)');
  optionsIn(options);
  const given = options as MemoizeOptions<Callable>;
  const find = finderOf(cache, name);
  return ((method: Callable, context: ClassMethodDecoratorContext | undefined) => {
    if (context?.kind !== 'method' || typeof method !== 'function') throw misplaced(name, context);
    const known = new WeakMap<TieredCache, Calls>();
    const callsOf = (self: unknown): Calls => {
      const found = find(self);
      const calls = known.get(found) ?? (found.memoize(name, method, given) as Calls);
      known.set(found, calls);
      return calls;
    };
    function keeping(this: unknown, ...args: unknown[]): Promise<unknown> {
      try {
        return callsOf(this).apply(this, args);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    decorated.set(keeping, callsOf);
    return like(method, keeping);
  }) as unknown as CachedDecorator<Self, Key>;
}

/**
 * What can be done about the results of a method that is decorated with {@link cached}, called as on `self`.
 * @example await cachedMethod(service, service.find).refresh(42);
 * @throws ConfigError for a method that is not
 */
export function cachedMethod<F extends AnyFunction>(self: ThisParameterType<F>, method: F): Memoized<OmitThisParameter<F>> {
  const callsOf = decorated.get(method);
  if (callsOf === undefined) {
    throw new ConfigError(
      'cachedMethod() takes an object and one of its methods that is decorated with @cached, as in cachedMethod(service, service.find). Other decorators go below @cached.',
    );
  }
  const calls = callsOf(self);
  const bound = like(method, (...args: unknown[]) => calls.apply(self, args));
  return Object.assign(bound, {
    invalidate: calls.invalidate.bind(self),
    refresh: calls.refresh.bind(self),
    clear: calls.clear.bind(self),
    keyOf: calls.keyOf.bind(self),
  }) as unknown as Memoized<OmitThisParameter<F>>;
}

function finderOf(cache: unknown, name: string): (self: unknown) => TieredCache {
  if (isCache(cache)) return () => cache;
  if (typeof cache !== 'function') {
    throw new ConfigError(
      `@cached(cache, '${name}') needs a cache, or a function that finds one on the instance: (self) => self.cache.`,
    );
  }
  return (self) => {
    const found: unknown = cache(self);
    if (isCache(found)) return found;
    throw new ConfigError(
      `@cached(…, '${name}') found no cache: its first argument, a function of the instance, gave ${found === null ? 'null' : typeof found}.`,
    );
  };
}

function isCache(value: unknown): value is TieredCache {
  return typeof value === 'object' && value !== null && typeof (value as Partial<TieredCache>).memoize === 'function';
}

function misplaced(name: string, context: unknown): ConfigError {
  const kind = typeof context === 'object' && context !== null && 'kind' in context ? context.kind : undefined;
  const where =
    kind === undefined
      ? "and is a standard decorator: leave 'experimentalDecorators' out of tsconfig"
      : `and this is a ${String(kind)}: for a function in a field write field = cache.memoize('${name}', …)`;
  return new ConfigError(`@cached(…, '${name}') goes on a method, ${where}.`);
}
