import type { Leases, Store, Versions } from '../../src/store.js';
import type { Pass } from './gates.js';

/** A real store whose requests and replies can be held up. The store's own deadlines run on. */
export function gatedStore(store: Store, process: string, pass: Pass): Store {
  async function through<T>(operation: string, keys: readonly string[], call: () => Promise<T>): Promise<T> {
    await pass({ process, operation, phase: 'request', keys });
    const reply = await call();
    await pass({ process, operation, phase: 'reply', keys });
    return reply;
  }

  const gated = (leases: Leases): Leases => ({
    ms: leases.ms,
    load: (key, ...rest) => through('load', [key], () => leases.load(key, ...rest)),
    renew: (key, ...rest) => through('renew', [key], () => leases.renew(key, ...rest)),
    fill: (key, ...rest) => through('fill', [key], () => leases.fill(key, ...rest)),
    release: (key, ...rest) => through('release', [key], () => leases.release(key, ...rest)),
  });

  const gatedVersions = (versions: Versions): Versions => ({
    current: (labels, ...rest) => through('current', labels, () => versions.current(labels, ...rest)),
    bump: (labels, ...rest) => through('bump', labels, () => versions.bump(labels, ...rest)),
    ...(versions.bumpAlongside && {
      bumpAlongside: (labels, ...rest) => through('bump', labels, async () => versions.bumpAlongside?.(labels, ...rest)),
    }),
  });

  return {
    name: store.name,
    read: (key, ...rest) => through('read', [key], () => store.read(key, ...rest)),
    readMany: (keys, ...rest) => through('readMany', keys, () => store.readMany(keys, ...rest)),
    write: (key, ...rest) => through('write', [key], () => store.write(key, ...rest)),
    writeMany: (entries, ...rest) => through('writeMany', [...entries.keys()], () => store.writeMany(entries, ...rest)),
    writeIfAbsent: (key, ...rest) => through('writeIfAbsent', [key], () => store.writeIfAbsent(key, ...rest)),
    remove: (key, ...rest) => through('remove', [key], () => store.remove(key, ...rest)),
    removeMany: (keys, ...rest) => through('removeMany', keys, () => store.removeMany(keys, ...rest)),
    retract: (keys, ...rest) => through('retract', [...keys.keys()], () => store.retract(keys, ...rest)),
    removeMatching: (...args) => through('removeMatching', [], () => store.removeMatching(...args)),
    expire: (key, ...rest) => through('expire', [key], () => store.expire(key, ...rest)),
    soften: (key, ...rest) => through('soften', [key], () => store.soften(key, ...rest)),
    increment: (key, ...rest) => through('increment', [key], () => store.increment(key, ...rest)),
    ping: (deadline) => through('ping', [], () => store.ping(deadline)),
    health: () => store.health(),
    ready: () => store.ready(),
    close: () => store.close(),
    ...(store.leases === undefined ? {} : { leases: gated(store.leases) }),
    ...(store.versions === undefined ? {} : { versions: gatedVersions(store.versions) }),
  };
}
