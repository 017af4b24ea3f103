import { checkResource } from '../entries/keys.js';
import type { Lock, LockOptions, Locks } from '../lock.js';

/** The same locks, for a namespace: every resource begins with its prefix. They are closed with the cache. */
export function prefixedLocks(locks: Locks, prefix: string): Locks {
  const full = (resource: string) => {
    checkResource(resource);
    return prefix + resource;
  };
  const view: Locks = {
    acquire: async (resource, options) => locks.acquire(full(resource), options),
    tryAcquire: async (resource, options) => locks.tryAcquire(full(resource), options),
    async use<T>(resource: string, ...rest: readonly unknown[]): Promise<T> {
      return locks.use(full(resource), ...(rest as [LockOptions, (lock: Lock) => T]));
    },
    forceRelease: async (resource) => locks.forceRelease(full(resource)),
    inspect: async (resource) => locks.inspect(full(resource)),
    stats: () => locks.stats(),
    on(event, listener) {
      locks.on(event, listener);
      return view;
    },
    off(event, listener) {
      locks.off(event, listener);
      return view;
    },
    close: () => locks.close(),
    [Symbol.asyncDispose]: () => locks.close(),
  };
  return view;
}
