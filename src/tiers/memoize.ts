import type { GetOrSetOptions, NamespaceOptions, TieredCache } from '../cache.js';
import { argumentKey } from '../entries/argument-key.js';
import { cloneValue } from '../entries/clone-value.js';
import { checkKey } from '../entries/keys.js';
import { ConfigError, InvalidKeyError } from '../errors.js';
import type { AnyFunction, Memoized, MemoizeOptions } from '../memoized.js';
import { lifeIn } from './call-options.js';

export type Callable = (this: unknown, ...args: unknown[]) => unknown;
type KeyOf = (this: unknown, ...args: unknown[]) => string;

/** The function with its results kept in the namespace of its name. It is called like the function, and never throws but rejects. */
export function memoize<F extends AnyFunction>(
  cache: TieredCache,
  name: string,
  fn: F,
  options: MemoizeOptions<F> = {},
): Memoized<F> {
  if (typeof fn !== 'function') throw new ConfigError("memoize() needs a function after the name: memoize('user', loadUser).");
  const { key, calls } = optionsIn(options);
  const space = cache.namespace(name, lifeOf(calls));
  const keyOf = key === undefined ? keyOfArguments(name) : keyByFunction(name, key as KeyOf);
  const run = fn as unknown as Callable;
  // Data that the caller changes while the load is still on its way must not be what is kept under the key it had.
  const given = key === undefined ? (args: unknown[]) => args.map(cloneValue) : (args: unknown[]) => args;
  const refreshing: GetOrSetOptions = { ...calls, forceFresh: true };

  function load(self: unknown, args: unknown[], how: GetOrSetOptions): Promise<unknown> {
    try {
      const keyed = keyOf.apply(self, args);
      const kept = given(args);
      return space.getOrSet(keyed, () => run.apply(self, kept), how);
    } catch (error) {
      return Promise.reject(error);
    }
  }
  function memoized(this: unknown, ...args: unknown[]): Promise<unknown> {
    return load(this, args, calls);
  }
  /** A method of the memoized function is called on it; the `this` of the function itself is meant only if given by `call`. */
  const meant = (self: unknown) => (self === memoized ? undefined : self);

  return Object.assign(like(run, memoized), {
    async invalidate(this: unknown, ...args: unknown[]) {
      return space.delete(keyOf.apply(meant(this), args));
    },
    refresh(this: unknown, ...args: unknown[]) {
      return load(meant(this), args, refreshing);
    },
    clear: () => space.clear(),
    keyOf(this: unknown, ...args: unknown[]) {
      return keyOf.apply(meant(this), args);
    },
  }) as unknown as Memoized<F>;
}

/** @throws ConfigError for what is misspelt, before the first call */
export function optionsIn<Key>(options: GetOrSetOptions & { readonly key?: Key }) {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(
      `memoize() takes an object of options as its last argument, such as { ttl: '5m' }; got ${String(options)}.`,
    );
  }
  const { key, ...calls } = options;
  if (key !== undefined && typeof key !== 'function') {
    throw new ConfigError('key must be a function of the arguments that returns a string.');
  }
  lifeIn(calls, { ttl: Number.POSITIVE_INFINITY, grace: 0, swr: 0 });
  return { key, calls: calls as GetOrSetOptions };
}

/** Gives one function the name and length of another, for those that look. */
export function like<Made extends object>(fn: AnyFunction, made: Made): Made {
  const { name, length } = fn;
  return Object.defineProperties(made, { name: { value: name }, length: { value: length } });
}

/** What all that is in the namespace has in common. Other options for a name that is known are an error there. */
function lifeOf({ ttl, grace, outage }: GetOrSetOptions): NamespaceOptions {
  return {
    ...(ttl === undefined ? {} : { ttl }),
    ...(grace === undefined ? {} : { grace }),
    ...(outage === undefined ? {} : { outage }),
  };
}

function keyOfArguments(name: string): KeyOf {
  return (...args) => argumentKey(name, args);
}

function keyByFunction(name: string, key: KeyOf): KeyOf {
  return function (...args) {
    const made: unknown = key.apply(this, args);
    try {
      checkKey(made);
      return made;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new InvalidKeyError(`The key function of '${name}' returned what is no key. ${reason}`, { cause });
    }
  };
}
