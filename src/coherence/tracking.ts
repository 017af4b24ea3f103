import type { Tracking } from '../backends/redis/connection.js';
import type { PhysicalKeys } from '../entries/physical-keys.js';
import type { BusListener, Changed } from './bus.js';

/** What Redis tells at once may be all that one script changed. Naming more than so many takes longer than asking anew for what is wanted. */
const mostNamed = 10_000;

/**
 * Has Redis itself tell of changed entries, so that writers of any kind are heard: redis-cli, other languages, expiry and eviction. Own
 * writes cannot be told from theirs. It comes besides the messages on the channel, which also tell what no entry shows: who waits is
 * to be woken, and keys are deleted that were not there.
 */
export function tracking({ entryPrefix, keyOfEntry }: PhysicalKeys): (listener: BusListener) => Tracking {
  const meant = (names: readonly Buffer[] | null): Changed => {
    if (names === null) return 'all';
    if (names.length > mostNamed) return 'any';
    return names.flatMap((name) => keyOfEntry(String(name)) ?? []);
  };
  return (listener) => ({ prefix: entryPrefix, invalidated: (names) => listener.changed(meant(names)) });
}
