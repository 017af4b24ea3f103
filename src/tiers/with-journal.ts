import type { Label } from '../entries/labels.js';
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

  const isHeld = (key: string) => journal.size > 0 && journal.holds(key);
  const isAnyHeld = (labels: readonly Label[]) => journal.size > 0 && labels.some((label) => journal.holdsLabel(label));

  function unlessHeld<T>(operation: string, key: string, ask: () => Promise<T>): Promise<T> {
    return isHeld(key) ? Promise.reject(held(store, operation, `'${key}'`, true)) : ask();
  }

  /**
   * What was asked of one server may be answered by another, which has taken over and may not have what the one before had acknowledged. When
   * that is known, and it is before anything is sent there, the journal holds all such names, and it is not empty before this answer.
   */
  async function read<T>(operation: string, key: string, ask: () => Promise<T>): Promise<T> {
    const answer = await unlessHeld(operation, key, ask);
    if (isHeld(key)) throw held(store, operation, `'${key}'`, false);
    return answer;
  }

  const unheldVersions = (all: Versions): Versions => ({
    ...all,
    async current(labels, ...rest) {
      if (isAnyHeld(labels)) throw held(store, 'versions', 'a tag or namespace', true);
      const answer = await all.current(labels, ...rest);
      if (isAnyHeld(labels)) throw held(store, 'versions', 'a tag or namespace', false);
      return answer;
    },
  });
  const unheldLeases = (all: Leases): Leases => ({
    ...all,
    load: (key, ...rest) => read('load', key, () => all.load(key, ...rest)),
  });

  return {
    ...store,
    read: (key, deadline) => read('read', key, () => store.read(key, deadline)),
    async readMany(keys, deadline, unread) {
      const free = journal.size === 0 ? keys : keys.filter((key) => !journal.holds(key));
      const notAsked = keys.length === free.length ? [] : keys.filter((key) => journal.holds(key));
      const found = free.length === 0 ? new Map() : await store.readMany(free, deadline, unread);
      const inVain = journal.size === 0 ? [] : free.filter((key) => journal.holds(key));
      for (const key of inVain) found.delete(key);
      for (const key of [...notAsked, ...inVain]) unread?.(key);
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

function held({ name }: Store, operation: string, what: string, unsent: boolean): ConnectionError {
  return new ConnectionError(
    `${name} was not asked for ${what}: it has not acknowledged yet that this process changed it. It is told again until it does.`,
    { backend: name, operation, partial: true, unsent },
  );
}
