import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Runs a list of any length, batch by batch, so many at once: no more of it is taken than that. Ends when all batches have, or with the first error
 * of the list, of `run` or of the signal, once those under way have ended too.
 */
export async function inBatches<T>(
  list: Iterable<T> | AsyncIterable<T>,
  { concurrency, batchSize }: { readonly concurrency: number; readonly batchSize: number },
  run: (batch: readonly T[]) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let batch: T[] = [];

  const goOn = () => {
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure.error;
  };
  const begin = async () => {
    // Where all is in memory nothing else would let the rest of the process have its turn.
    await nextTurn();
    if (running.size >= concurrency) await Promise.race(running);
    goOn();
    const task = run(batch)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => running.delete(task));
    running.add(task);
    batch = [];
  };

  try {
    for await (const item of list) {
      goOn();
      batch.push(item);
      if (batch.length >= batchSize) await begin();
    }
    if (batch.length > 0) await begin();
  } finally {
    await Promise.all(running);
  }
  goOn();
}
