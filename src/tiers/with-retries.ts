import type { Clock } from '../clock.js';
import { BackendError, CircuitOpenError } from '../errors.js';
import type { Store, Versions } from '../store.js';

/** Back-offs in ms. Defaults are in `config/defaults.ts`. */
export interface RetrySettings {
  /** How often a write is tried again after the first time. 0 turns it off. */
  readonly retries: number;
  /** Before the first retry it waits up to so long, before each further one up to twice as long… */
  readonly minBackoff: number;
  /** … and never longer than this. */
  readonly maxBackoff: number;
}

/**
 * A store that tries a write again which surely was not executed: there was no connection, or the server refused it because it is loading, or
 * a replica for the moment. What may have been executed is never sent again (decision 0002: it could overwrite a newer write), nor a batch of which a
 * part was done; whoever asked for those decides. The deadline of the call bounds all tries and waits together.
 */
export function withRetries(store: Store, settings: RetrySettings, clock: Clock, random: () => number = Math.random): Store {
  const { retries, minBackoff, maxBackoff } = settings;
  if (retries === 0) return store;
  /** Ends of the waits that are under way. */
  const waits = new Set<() => void>();
  let closed = false;

  async function persistently<T>(deadline: number, run: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await run();
      } catch (error) {
        if (failures >= retries || !isWorthATry(error)) throw error;
        // Anywhere in the window, so that callers who failed together do not come back together.
        const pause = random() * Math.min(maxBackoff, minBackoff * 2 ** failures);
        if (closed || clock.monotonic() + pause >= deadline) throw error;
        await wait(pause);
        if (closed) throw error;
      }
    }
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        waits.delete(end);
        resolve();
      };
      const timer = clock.schedule(ms, end, 'awaited');
      waits.add(end);
    });
  }

  function persistent(versions: Versions): Versions {
    const { bumpAlongside } = versions;
    return {
      current: versions.current,
      bump: (labels, soft, deadline) => persistently(deadline, () => versions.bump(labels, soft, deadline)),
      ...(bumpAlongside && {
        bumpAlongside: (labels, soft, alongside, deadline) =>
          persistently(deadline, () => bumpAlongside(labels, soft, alongside, deadline)),
      }),
    };
  }

  return {
    ...store,
    write: (key, entry, deadline) => persistently(deadline, () => store.write(key, entry, deadline)),
    writeMany: (entries, deadline) => persistently(deadline, () => store.writeMany(entries, deadline)),
    remove: (key, deadline) => persistently(deadline, () => store.remove(key, deadline)),
    removeMany: (keys, deadline) => persistently(deadline, () => store.removeMany(keys, deadline)),
    soften: (key, deadline) => persistently(deadline, () => store.soften(key, deadline)),
    ...(store.versions && { versions: persistent(store.versions) }),
    close() {
      closed = true;
      for (const end of [...waits]) end();
      return store.close();
    },
  };
}

/** An open circuit stays open for longer than anybody waits here. */
function isWorthATry(error: unknown): boolean {
  return error instanceof BackendError && error.unsent && !(error instanceof CircuitOpenError);
}
