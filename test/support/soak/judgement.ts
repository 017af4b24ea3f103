import { judge, type ProcessHistory, type SlowCall, shownViolation } from '../histories/process-history.js';
import { doubled, type Stretch, weakened } from './book.js';

/** What is promised, ms. */
export interface Promises {
  readonly maxStaleness: number;
  readonly outageTtl: number;
  readonly budget: number;
  readonly leaseMs: number;
}

export interface Circumstances {
  /** In which what had been acknowledged was lost and said again. */
  readonly losses: readonly Stretch[];
  /** In which leases may have been lost. */
  readonly leasesLost: readonly Stretch[];
  readonly deaths: ReadonlyMap<string, number>;
}

export interface Judgement {
  readonly broken: readonly string[];
  readonly stalest: number;
  readonly invalidations: number;
}

/** What a call may take on top of its budget and what the process itself lost. */
const slack = 150;

/** G1, G2, G5 and G6 are all of them: nobody reads what was invalidated longer ago. G3: one load. G4: no call takes long. */
export function judgeRound(
  history: ProcessHistory,
  promises: Promises,
  { losses, leasesLost, deaths }: Circumstances,
): Judgement {
  const { maxStaleness, outageTtl, leaseMs } = promises;
  const longestLoad = history.loads.reduce((longest, { began, ended }) => Math.max(longest, ended - began), 0);
  const invalidations = weakened(history.invalidations, losses, deaths);
  const verdict = judge({ reads: history.reads, invalidations }, maxStaleness, maxStaleness + outageTtl + longestLoad);
  const stale = verdict.violations.map((violation) => {
    const { told, read } = violation;
    const own = told.process === read.process ? 'its own word' : told.broad ? 'tags, patterns and clear' : 'stale';
    return `${own}: ${shownViolation(violation)}${read.excused ? ', without L2' : ''}`;
  });
  const excuses = [
    ...losses,
    ...leasesLost,
    ...[...deaths.values()].map((at) => ({ from: at - 2 * leaseMs, until: at + 2 * leaseMs })),
  ];
  const doubles = doubled(history, leaseMs, excuses).map(
    ([first, second]) =>
      `two loads of ${first.key}: ${first.process} from ${first.began.toFixed(1)} to ${first.ended.toFixed(1)}, ${second.process} from ${second.began.toFixed(1)}`,
  );
  const slow = history.slow
    .filter((call) => call.took - call.factory - call.lost > limit(call, promises, longestLoad) + slack)
    .map(
      ({ process, operation, began, took, factory, lost }) =>
        `slow: ${operation} of ${process} at ${began.toFixed(1)} took ${took.toFixed(1)} ms, ${factory.toFixed(1)} of it in its factory, and ${lost.toFixed(1)} in which the process did not run`,
    );
  return { broken: [...stale, ...doubles, ...slow], stalest: verdict.stalest, invalidations: verdict.invalidations };
}

function limit({ operation }: SlowCall, { budget, leaseMs }: Promises, longestLoad: number): number {
  switch (operation) {
    // Who waits for a load elsewhere waits for that factory, or for the lease of a process that is no more.
    case 'getOrSet':
      return budget + 2 * (leaseMs + longestLoad);
    // Each of its batches has the budget.
    case 'deletePattern':
      return 20 * budget;
    default:
      return budget;
  }
}
