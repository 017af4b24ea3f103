import type { GetOrSetOptions } from './call-options.js';

/** Any function: what it takes and gives is kept by inference. */
export type AnyFunction = (...args: never[]) => unknown;

/** Options of {@link TieredCache.memoize} and {@link cached}: those of `getOrSet` for each of its calls, and `key`. */
export interface MemoizeOptions<F extends AnyFunction> extends GetOrSetOptions {
  /**
   * Makes the key of a call of its arguments: a non-empty string, unique to what the result depends on. It gets the call's `this`, which is
   * no part of the key otherwise. Default: SHA-256 of the arguments, which must be plain data then.
   */
  readonly key?: (this: ThisParameterType<F>, ...args: Parameters<F>) => string;
}

/** What {@link TieredCache.memoize} returns: the same function, with its results kept, and what can be done about them. */
export type Memoized<F extends AnyFunction> = Promising<F> & MemoizedCalls<F>;

/** The function's own type if it returns a promise, overloads and type parameters included. */
export type Promising<F extends AnyFunction> = F extends (...args: never[]) => Promise<unknown>
  ? F
  : (this: ThisParameterType<F>, ...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>;

export interface MemoizedCalls<F extends AnyFunction> {
  /** Removes the result for these arguments from every tier; says whether there was one. A run that began before stores nothing. */
  invalidate(this: unknown, ...args: Parameters<F>): Promise<boolean>;
  /**
   * Runs the function and replaces what is kept for these arguments. If it fails, that stays. Shares a refresh that already runs, which may
   * have read what you changed since: after a change, `invalidate`.
   */
  refresh(this: ThisParameterType<F>, ...args: Parameters<F>): Promise<Awaited<ReturnType<F>>>;
  /** Invalidates the results for all arguments, in one step. */
  clear(this: unknown): Promise<void>;
  /**
   * The key of these arguments in the namespace of the function's name, for all else that a cache can do.
   * @example await cache.namespace('user').delete(user.keyOf(42), { soft: true });
   */
  keyOf(this: unknown, ...args: Parameters<F>): string;
}

/** Makes a key of a method's arguments and, if it says so, of its `this`. */
export type KeyFunction = (...args: never[]) => string;

/** Options of {@link cached}: as of `memoize`, with the types of `key`'s arguments written out. */
export interface CachedOptions<Key extends KeyFunction = KeyFunction> extends GetOrSetOptions {
  /** See {@link MemoizeOptions.key}. */
  readonly key?: Key;
}

/** What {@link cached} returns. A method that it cannot stand on is refused by a type that says why. */
export type CachedDecorator<Self, Key extends KeyFunction> = <This, F extends AnyFunction>(
  method: F & Decorable<This, F, Self, Key>,
  context: ClassMethodDecoratorContext<This>,
) => F;

/** `unknown`, which refuses nothing, or a sentence for the compiler to print. */
type Decorable<This, F extends AnyFunction, Self, Key> =
  Promise<Awaited<ReturnType<F>>> extends ReturnType<F>
    ? This extends Self
      ? Key extends (this: This, ...args: Parameters<F>) => string
        ? unknown
        : 'The key of @cached takes other arguments than its method: key: (id: number) => String(id), with the types of the method.'
      : 'The function that finds the cache for @cached takes an instance of another class.'
    : '@cached goes on a method that returns a promise: make it async.';
