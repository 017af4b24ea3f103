export interface Report {
  readonly seed: number;
  /** Promises that were broken, in words. */
  readonly broken: string[];
  readonly calls: Record<string, number>;
  reads: number;
  /** Reads while L2 was away. */
  readsWithoutL2: number;
  invalidations: number;
  loads: number;
  readonly faults: Record<string, number>;
  /** The oldest thing that was read, within what is promised or not, ms after it was invalidated. */
  oldestRead: number;
  /** From the end of each fault until every process was well, ms. */
  readonly recoveries: number[];
  /** Of each process that lived to the end, MB after a garbage collection. */
  readonly heap: { readonly process: string; readonly start: number; readonly end: number }[];
}

export function newReport(seed: number): Report {
  return {
    seed,
    broken: [],
    calls: {},
    reads: 0,
    readsWithoutL2: 0,
    invalidations: 0,
    loads: 0,
    faults: {},
    oldestRead: 0,
    recoveries: [],
    heap: [],
  };
}

export function shown({ broken, calls, faults, recoveries, heap, ...counts }: Report): string {
  const sum = (counted: Record<string, number>) => Object.values(counted).reduce((all, count) => all + count, 0);
  const list = (counted: Record<string, number>) =>
    Object.entries(counted)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const sorted = [...recoveries].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
  const kept = broken.slice(0, 20);
  return [
    `seed ${counts.seed}`,
    `calls: ${sum(calls)} (${list(calls)})`,
    `read: ${counts.reads} values, ${counts.readsWithoutL2} of them without L2; factories ran ${counts.loads} times`,
    `invalidations: ${counts.invalidations}; the oldest value was read ${Math.round(counts.oldestRead)} ms after it was invalidated`,
    `faults: ${sum(faults)} (${list(faults)})`,
    `well again after: ${at(0.5)} ms in the middle, ${at(1)} ms at most`,
    `heap: ${heap.map(({ process, start, end }) => `${process} ${start.toFixed(1)} → ${end.toFixed(1)} MB`).join(', ')}`,
    broken.length === 0 ? 'every promise was kept' : `${broken.length} times a promise was broken:`,
    ...kept.map((what) => `  ${what}`),
    ...(broken.length > kept.length ? [`  … and ${broken.length - kept.length} more`] : []),
  ].join('\n');
}
