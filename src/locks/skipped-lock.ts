import { LockLostError } from '../errors.js';
import type { Lock } from '../lock.js';

/** What runs without Redis by outage `'skip'` gets this: it keeps nobody off, and no fence lets it pass. */
export function skippedLock(resource: string, released: () => void): Lock {
  const { signal } = new AbortController();
  let isHeld = true;
  async function release(): Promise<boolean> {
    if (!isHeld) return false;
    isHeld = false;
    released();
    return true;
  }
  return {
    resource,
    fencingToken: 0,
    signal,
    scope: 'none',
    get isHeld() {
      return isHeld;
    },
    async refresh() {
      if (!isHeld) throw new LockLostError(`The lock '${resource}' was released. Acquire it anew.`, { resource });
    },
    release,
    async [Symbol.asyncDispose]() {
      await release();
    },
  };
}
