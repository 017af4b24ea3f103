import type { Lock } from '../../../src/lock.js';
import type { LockProcess } from './simulated-process.js';

interface Taken {
  readonly process: LockProcess;
  readonly lock: Lock;
}

/** Looks at all locks that anybody took, after all that happens. */
export class OverlapJudge {
  readonly #highest = new Map<string, number>();
  #taken: Taken[] = [];

  took(process: LockProcess, lock: Lock): void {
    const { resource, fencingToken } = lock;
    const highest = this.#highest.get(resource) ?? 0;
    if (fencingToken <= highest) throw new Error(`fences of ${resource} went from ${highest} to ${fencingToken}`);
    this.#highest.set(resource, fencingToken);
    this.#taken.push({ process, lock });
  }

  /** Who stands still does nothing, and is asked as soon as it goes on. */
  look(): void {
    this.#taken = this.#taken.filter(({ process, lock }) => process.standsStill || lock.isHeld);
    const relied = this.#taken.filter(({ process }) => !process.standsStill);
    for (const { lock } of relied) {
      const { resource, fencingToken } = lock;
      if (relied.some((other) => other.lock !== lock && other.lock.resource === resource))
        throw new Error(`${resource} is relied on by two`);
      if (fencingToken < (this.#highest.get(resource) ?? 0))
        throw new Error(`${resource} is relied on though another had it since`);
    }
  }
}
