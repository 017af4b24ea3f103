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

/** Asks again and again until the answer is yes, 5 s at most after what has to pass before it can be. */
export async function eventually(what: string, check: () => Promise<boolean>, before = 0): Promise<void> {
  const end = performance.now() + before + 5_000;
  while (!(await check())) {
    assert.ok(performance.now() < end, `${what} did not come true within 5 s`);
    await delay(10);
  }
}

/**
 * Does what has to be done within `ms`, such as the life of an entry; once more with a longer one where the machine was too slow. Gives
 * the one that was long enough, and when it began (of `performance.now()`).
 */
export async function inTime(act: (ms: number) => Promise<void>): Promise<{ ms: number; start: number }> {
  for (let ms = 500; ; ms *= 4) {
    const start = performance.now();
    let failure: { error: unknown } | undefined;
    await act(ms).catch((error: unknown) => {
      failure = { error };
    });
    if (performance.now() - start < ms - clockTolerance || ms > 30_000) {
      if (failure !== undefined) throw failure.error;
      return { ms, start };
    }
  }
}

/** Passes when `isGone` becomes true, and not before `ms` have passed since `start` (of `performance.now()`). */
export async function goneAfter(ms: number, start: number, isGone: () => Promise<boolean>): Promise<void> {
  await eventually('expiry', isGone, Math.max(0, start + ms - performance.now()));
  const lived = performance.now() - start;
  assert.ok(lived >= ms - clockTolerance, `the entry was to live ${ms} ms and was gone after ${Math.round(lived)} ms`);
}
