import { ConnectionError } from '../errors.js';
import type { Leases, Store, Versions } from '../store.js';
import type { GuardedStore } from './circuit-breaker.js';
import type { Journal } from './journal.js';

/**
 * A store that is not asked for what the journal holds: what it has under that name may be what the caller has deleted. To the caller it is as
 * if just that part of L2 were away.
 */
export function withJournal(store: GuardedStore, journal: Journal): GuardedStore {
  const { leases, versions } = store;

  function unlessHeld<T>(operation: string, key: string, ask: () => Promise<T>): Promise<T> {
    return journal.size > 0 && journal.holds(key) ? Promise.reject(held(store, operation, `'${key}'`)) : ask();
  }

  const unheldVersions = (all: Versions): Versions => ({
    ...all,
    current(labels, ...rest) {
      const isHeld = journal.size > 0 && labels.some((label) => journal.holdsLabel(label));
      return isHeld ? Promise.reject(held(store, 'versions', 'a tag or namespace')) : all.current(labels, ...rest);
    },
  });
  const unheldLeases = (all: Leases): Leases => ({
    ...all,
    load: (key, ...rest) => unlessHeld('load', key, () => all.load(key, ...rest)),
  });

  return {
    ...store,
    read: (key, deadline) => unlessHeld('read', key, () => store.read(key, deadline)),
    async readMany(keys, deadline, unread) {
      if (journal.size === 0) return store.readMany(keys, deadline, unread);
      const free = keys.filter((key) => !journal.holds(key));
      const notAsked = keys.length === free.length ? [] : keys.filter((key) => journal.holds(key));
      const found = free.length === 0 ? new Map() : await store.readMany(free, deadline, unread);
      for (const key of notAsked) unread?.(key);
      return found;
    },
    // Atomic operations depend on what is there.
    writeIfAbsent: (key, ...rest) => unlessHeld('writeIfAbsent', key, () => store.writeIfAbsent(key, ...rest)),
    expire: (key, ...rest) => unlessHeld('expire', key, () => store.expire(key, ...rest)),
    increment: (key, ...rest) => unlessHeld('increment', key, () => store.increment(key, ...rest)),
    ...(leases && { leases: unheldLeases(leases) }),
    ...(versions && { versions: unheldVersions(versions) }),
  };
}

function held({ name }: Store, operation: string, what: string): ConnectionError {
  return new ConnectionError(
    `${name} was not asked for ${what}: it has not acknowledged yet that this process changed it. It is told again until it does.`,
    { backend: name, operation, partial: true, unsent: true },
  );
}
