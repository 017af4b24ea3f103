import type { Attempt, Hold } from './attempt.js';

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A stretch in which a lock was held by nobody and somebody waited for it. */
export interface Idle {
  readonly waiter: Attempt;
  readonly from: number;
  readonly ms: number;
}

/** The stretches longer than `patience`, without what was `away` and the time in which the waiter's own process did not run. */
export function idleLocks(
  holds: readonly Hold[],
  attempts: readonly Attempt[],
  away: readonly Span[],
  patience: number,
): Idle[] {
  const [first] = holds;
  if (first === undefined) return [];
  const waiters = attempts.filter(({ resource, queued }) => resource === first.resource && queued !== undefined);
  const gaps = gapsBetween(holds).filter(({ from, to }) => to - from > patience);
  return gaps.flatMap((gap) =>
    waiters.flatMap((waiter) => {
      // Whoever was killed wants nothing any more, and nobody knows since when.
      const until = waiter.acquired ?? waiter.ended ?? Number.NEGATIVE_INFINITY;
      const from = Math.max(gap.from, waiter.queued ?? gap.from);
      const waited: Span = { from, to: Math.min(gap.to, until) };
      const excused = away.reduce((sum, span) => sum + common(span, waited), 0) + (waiter.lag ?? 0);
      const ms = waited.to - waited.from - excused;
      return ms > patience ? [{ waiter, from, ms }] : [];
    }),
  );
}

/** Of holders that were killed or did not notice it is known how long they had it at least. */
function gapsBetween(holds: readonly Hold[]): Span[] {
  const gaps: Span[] = [];
  let from = Number.POSITIVE_INFINITY;
  for (const { acquired, held = acquired, ended, how } of holds) {
    if (acquired > from) gaps.push({ from, to: acquired });
    const until = how === 'released' && ended !== undefined ? ended : held;
    from = from === Number.POSITIVE_INFINITY ? until : Math.max(from, until);
  }
  return [...gaps, { from, to: Number.POSITIVE_INFINITY }];
}

function common(a: Span, b: Span): number {
  return Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from));
}
