import assert from 'node:assert/strict';

/** What a backend with a clock of its own may be wrong by, ms. */
export const clockTolerance = 50;

/** What a write may take on a slow machine, ms. */
const longestWrite = 5_000;

/**
 * A life, or a grace, as it was asked for. A tier that hands an entry on passes the life that is left, so it may be shorter by what
 * the write took; longer never.
 */
export function assertLife(ms: number, asked: number, what: string): void {
  assert.ok(ms <= asked && ms > asked - longestWrite, `${what} was to be ${asked} ms and is ${ms} ms`);
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks again and again, 3 s at most, until the answer is yes. */
export async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 3_000;
  while (!(await check())) {
    assert.ok(performance.now() < end, `${what} did not come true within 3 s`);
    await delay(10);
  }
}

/** Passes when `isGone` becomes true, and not before `ms` have passed since `start` (of `performance.now()`). */
export async function goneAfter(ms: number, start: number, isGone: () => Promise<boolean>): Promise<void> {
  await eventually('expiry', isGone);
  const lived = performance.now() - start;
  assert.ok(lived >= ms - clockTolerance, `the entry was to live ${ms} ms and was gone after ${Math.round(lived)} ms`);
}
