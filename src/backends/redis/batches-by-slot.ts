/** A script runs alone on its server, so it gets no more keys than take it well under a millisecond. */
const largestBatch = 100;

/** Keys in batches that may share a script call, each of one slot. */
export function batchesBySlot(keys: readonly string[], slotOf: (key: string) => number): string[][] {
  const open = new Map<number, string[]>();
  const batches: string[][] = [];
  for (const key of keys) {
    const slot = slotOf(key);
    let batch = open.get(slot);
    if (batch === undefined || batch.length === largestBatch) {
      batch = [];
      open.set(slot, batch);
      batches.push(batch);
    }
    batch.push(key);
  }
  return batches;
}
