import { type CacheSettings, cacheOver, type L2 } from '../histories/cache-over.js';
import type { ProcessHistory } from '../histories/process-history.js';
import { found } from '../histories/program.js';
import { Recorder } from '../histories/recorder.js';

/** What rests in L2, as somebody without a memory reads it. */
export async function lookAtL2(
  name: string,
  l2: L2,
  settings: Pick<CacheSettings, 'leaseMs'>,
  keys: readonly string[],
): Promise<ProcessHistory> {
  const cache = cacheOver(name, l2, { ...settings, bus: false, budget: 5_000, memory: false });
  try {
    await cache.ready();
    const recorder = new Recorder('L2 itself', cache);
    await recorder.reads([async () => found(await cache.getMany<{ of: string; version: number }>(keys))]);
    return recorder.take();
  } finally {
    await cache.close();
  }
}
