import type { Locks } from '../../lock.js';

/** What a case is given to work with. */
export interface LockContext {
  /** Nothing is locked there by anybody else. */
  readonly locks: Locks;
  /** Other locks over the same backend, as another process has them. Closed by the suite. */
  another(): Promise<Locks>;
}

/** One promise of the contract. Rejects, with what was wrong, when the locks do not keep it. */
export interface LockConformanceCase {
  readonly name: string;
  run(context: LockContext): Promise<void>;
}

export function locksConform(name: string, run: (context: LockContext) => Promise<void>): LockConformanceCase {
  return { name, run };
}

/** Asks again and again until it is so; what a slow machine needs is no fault of the locks. */
export async function soon(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + longest;
  while (!(await isSo())) {
    if (performance.now() >= until) throw new Error(`not so within ${longest} ms: ${what}`);
    await pause(5);
  }
}

/** A call whose outcome is looked at later, if the case gets so far. */
export function underWay<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined);
  return call;
}

const longest = 15_000;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
