import type { Locks } from '../lock.js';
import { endingCases } from './lock-conformance/ending.js';
import { holdingCases } from './lock-conformance/holding.js';
import type { LockConformanceCase } from './lock-conformance/lock-case.js';
import { takingCases } from './lock-conformance/taking.js';
import { waitingCases } from './lock-conformance/waiting.js';

export type { LockConformanceCase, LockContext } from './lock-conformance/lock-case.js';

/** Every promise of the `Locks` contract, each on its own. */
export const lockConformanceCases: readonly LockConformanceCase[] = [
  ...takingCases,
  ...waitingCases,
  ...holdingCases,
  ...endingCases,
];

export interface LockConformanceOptions {
  /** Of your test runner: vitest, jest, mocha, node:test… */
  readonly describe: (name: string, define: () => void) => unknown;
  readonly it: (name: string, run: () => Promise<void>) => unknown;
  /** Makes locks. Those of one name share what they lock, and those of different names nothing. They are closed by the suite. */
  readonly newLocks: (name: string) => Locks | Promise<Locks>;
}

/**
 * Defines a test for every promise of the contract of locks.
 * @example
 * import { describe, it } from 'vitest';
 * runLockConformance({ describe, it, newLocks: (name) => redisLocks({ name, redis: { url } }) });
 */
export function runLockConformance({ describe, it, newLocks }: LockConformanceOptions): void {
  describe('the Locks contract', () => {
    for (const one of lockConformanceCases) it(one.name, () => runLockCase(one, newLocks));
  });
}

/** Runs one case, for runners that {@link runLockConformance} does not suit. */
export async function runLockCase(one: LockConformanceCase, newLocks: LockConformanceOptions['newLocks']): Promise<void> {
  count += 1;
  const name = `l-${process.pid}-${Date.now().toString(36)}-${count}n`;
  const opened: Locks[] = [];
  const another = async () => {
    const locks = await newLocks(name);
    opened.push(locks);
    return locks;
  };
  try {
    await one.run({ locks: await another(), another });
  } finally {
    await Promise.all(opened.map((locks) => locks.close()));
  }
}

let count = 0;
