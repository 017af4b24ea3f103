import { AsyncLocalStorage } from 'node:async_hooks';
import { LockError } from '../errors.js';

/** A `use` under which the present call runs, and the one around it. */
interface Use {
  readonly owner: object;
  readonly resource: string;
  readonly outer: Use | undefined;
  /** What a function left running when it ended keeps this, and holds the lock no more. */
  isOver: boolean;
}

const uses = new AsyncLocalStorage<Use>();

/**
 * Who asks for what it holds itself would wait for itself.
 * @throws LockError
 */
export function refuseReentrancy(owner: object, resource: string): void {
  for (let use = uses.getStore(); use !== undefined; use = use.outer) {
    if (use.isOver || use.owner !== owner || use.resource !== resource) continue;
    throw new LockError(
      `The lock '${resource}' is held by the use() that this call is made in, and would wait for itself. Hand the lock down as an argument instead of asking for it again.`,
      { resource },
    );
  }
}

export async function runInUse<T>(owner: object, resource: string, run: () => T | PromiseLike<T>): Promise<T> {
  const use: Use = { owner, resource, outer: uses.getStore(), isOver: false };
  try {
    return await uses.run(use, run);
  } finally {
    use.isOver = true;
  }
}
