import { BackendError, ConnectionError, DeadlineError } from '../../src/errors.js';
import type { Leases, Store, Versions } from '../../src/store.js';

/**
 * What becomes of each request: `refused` is surely not sent; `lost` is not executed and `unanswered` is, which their caller cannot tell;
 * `failing` is executed by nobody and answered with an error that is no outage.
 */
export type Ailment = 'none' | 'refused' | 'lost' | 'unanswered' | 'failing';

export interface AilingStore {
  readonly l2: Store;
  ails: Ailment;
}

/** A store that is well until it is not. */
export function ailingStore(store: Store): AilingStore {
  async function suffering<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const details = { backend: 'shared', operation };
    switch (ailing.ails) {
      case 'none':
        return call();
      case 'refused':
        throw new ConnectionError(`refused: ${operation}`, { ...details, unsent: true });
      case 'lost':
        throw new ConnectionError(`lost: ${operation}`, details);
      case 'unanswered':
        await call();
        throw new DeadlineError(`unanswered: ${operation}`, details);
      case 'failing':
        throw new BackendError(`failing: ${operation}`, details);
    }
  }

  function wrapped<Part extends object>(part: Part): Part {
    const all = Object.entries(part).map(([name, value]) => {
      if (typeof value !== 'function' || ['health', 'ready', 'close'].includes(name)) return [name, value];
      return [name, (...args: unknown[]) => suffering(name, () => value(...args))];
    });
    return { ...part, ...Object.fromEntries(all) };
  }

  const { leases, versions } = store;
  const ailing: AilingStore = {
    ails: 'none',
    l2: {
      ...wrapped(store),
      ...(leases && { leases: wrapped<Leases>(leases) }),
      ...(versions && { versions: wrapped<Versions>(versions) }),
    },
  };
  return ailing;
}
