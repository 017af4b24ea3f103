import assert from 'node:assert/strict';

/** What a backend with a clock of its own may be wrong by, ms. */
export const clockTolerance = 50;

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
