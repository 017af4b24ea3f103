/**
 * Repeats `check` until it neither throws nor returns false, and resolves to what it returned. After `within` ms (default 5000)
 * it rejects with the last failure; a check that hangs is one, told together with the failure before it.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: { within?: number; every?: number } = {},
): Promise<T> {
  const { within = 5_000, every = 10 } = options;
  const deadline = performance.now() + within;
  let last: unknown;
  let hung = '';
  for (;;) {
    try {
      const result = await beforeDeadline(check, deadline - performance.now());
      if (result !== false) return result;
      last = new Error('the check returned false');
    } catch (error) {
      if (error instanceof Late && last !== undefined) hung = ` (then ${error.message})`;
      else last = error;
    }
    if (performance.now() >= deadline) break;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
  throw new Error(`not so within ${within} ms: ${last instanceof Error ? last.message : String(last)}${hung}`, { cause: last });
}

class Late extends Error {
  override message = 'the check did not settle';
}

async function beforeDeadline<T>(check: () => T | Promise<T>, left: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Late()), Math.max(left, 1));
  });
  try {
    return await Promise.race([check(), late]);
  } finally {
    clearTimeout(timer);
  }
}
