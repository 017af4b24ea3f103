/**
 * What an L1 hit and a ticket look at, and nothing else of trust: two numbers. A copy in L1 carries the epoch that was current when the
 * operation that brought it began, and is served while it is the one that serves. So trust in all copies ends in one step.
 */
export interface Epochs {
  /** Of operations that begin now; 0 while nothing can be trusted. */
  current: number;
  /** Of the copies that may be served unasked; none has -1. */
  serving: number;
  /** When each of those that ended lately ended, on the monotonic clock. */
  readonly endings: ReadonlyMap<number, number>;
}

/** An epoch that ended before so many others is as good as unknown. */
const mostEndings = 64;

export function endEpoch(epochs: Epochs, epoch: number, now: number): void {
  const endings = epochs.endings as Map<number, number>;
  endings.set(epoch, now);
  if (endings.size > mostEndings) for (const oldest of endings.keys()) if (endings.delete(oldest)) break;
}

/** For a cache without a bus: what is in L1 is served until its time is up. */
export function alwaysTrusting(): Epochs {
  return { current: 1, serving: 1, endings: new Map() };
}

export function notYetTrusting(): Epochs {
  return { current: 0, serving: -1, endings: new Map() };
}
