import { hotKey, hotKeys, hotValue } from './load.js';
import type { Subject } from './subject.js';

/** What hits in memory cost while Redis was left alone. */
export interface Hits {
  readonly keys: number;
  /** Of `peek`. */
  readonly peeked: number;
  /** `get` and `getOrSet` that had settled before anything but microtasks could run: they waited for nothing. */
  readonly atOnce: number;
  /** What the cache counted while they were called. */
  readonly counted: { readonly hits: number; readonly l2Errors: number; readonly factoryRuns: number };
}

/** Undefined while the circuit is closed. */
export async function hitsInMemory(subject: Subject): Promise<Hits | undefined> {
  const { cache } = subject;
  const keys = Array.from({ length: hotKeys }, (_, index) => hotKey(subject, index));
  await new Promise((resolve) => setImmediate(resolve));
  // From here to the tick nothing else gets a turn but what has nothing to wait for.
  if (cache.health().circuit?.state === 'closed') return undefined;
  let atOnce = 0;
  const count = (value: unknown) => {
    if (value === hotValue) atOnce++;
  };
  const before = cache.stats();
  const peeked = keys.filter((key) => cache.peek(key) === hotValue).length;
  for (const key of keys) {
    void cache.get(key).then(count);
    void cache.getOrSet(key, () => 'made anew').then(count);
  }
  const after = cache.stats();
  await new Promise((resolve) => process.nextTick(resolve));
  const counted = {
    hits: after.l1.hits - before.l1.hits,
    l2Errors: after.l2Errors - before.l2Errors,
    factoryRuns: after.factoryRuns - before.factoryRuns,
  };
  return { keys: keys.length, peeked, atOnce, counted };
}
