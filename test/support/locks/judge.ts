import { type Attempt, type Hold, isHold } from './attempt.js';
import { type Idle, idleLocks, type Span } from './idle-locks.js';

export interface JudgeOptions {
  /** How long a lock that somebody waits for may be held by nobody, ms. */
  readonly patience: number;
  /** When Redis could not be asked: nobody can be blamed for having waited then. */
  readonly away?: readonly Span[];
  /** A server's data were lost: what it had granted may reach a process that did not run when another server has granted more. Default false. */
  readonly lossy?: boolean;
}

/** Two of one resource, in the order in which they were acquired. */
export interface Pair {
  readonly first: Hold;
  readonly second: Hold;
}

export interface Verdict {
  readonly attempts: number;
  readonly holds: number;
  readonly lost: number;
  /** Both were held at one moment, for so many ms together. */
  readonly overlaps: readonly (Pair & { readonly ms: number })[];
  /** The second has no higher fence. */
  readonly fences: readonly Pair[];
  /** The second stood in line before the first had asked. */
  readonly overtaken: readonly Pair[];
  /** Nobody had it though somebody waited. */
  readonly idle: readonly Idle[];
}

/** Whoever was handed its lock loses its turn if it does not ask for a second: a process that did not run for half of one cannot complain. */
const ownFault = 500;

/** What was broken of: one holder at a time, fences that grow, in the order in which they asked, nobody forgotten. */
export function judge(attempts: readonly Attempt[], options: JudgeOptions): Verdict {
  const { patience, away = [], lossy = false } = options;
  const holds = attempts.filter(isHold).sort((a, b) => a.acquired - b.acquired);
  const resources = new Set(holds.map(({ resource }) => resource));
  const byResource = Array.from(resources, (resource) => holds.filter((hold) => hold.resource === resource));
  return {
    attempts: attempts.length,
    holds: holds.length,
    lost: holds.filter(({ how }) => how === 'lost').length,
    overlaps: byResource.flatMap(overlapsIn),
    fences: byResource.flatMap((of) => fencesIn(of, lossy)),
    overtaken: byResource.flatMap(overtakenIn),
    idle: byResource.flatMap((of) => idleLocks(of, attempts, away, patience)),
  };
}

/** Against the one of those before that was held longest: if any overlaps, that does. */
function overlapsIn(holds: readonly Hold[]): Verdict['overlaps'] {
  const found: (Pair & { ms: number })[] = [];
  let longest: (Hold & { held: number }) | undefined;
  for (const second of holds) {
    const { held } = second;
    if (held === undefined) continue;
    if (longest !== undefined && longest.held >= second.acquired) {
      found.push({ first: longest, second, ms: Math.min(longest.held, held) - second.acquired });
    }
    if (longest === undefined || held > longest.held) longest = { ...second, held };
  }
  return found;
}

function fencesIn(holds: readonly Hold[], lossy: boolean): Pair[] {
  const found: Pair[] = [];
  let [highest] = holds;
  for (const second of holds.slice(1)) {
    const first = highest as Hold;
    if (second.fence > first.fence) highest = second;
    else if (!lossy || first.acquired <= second.acquired - (second.lag ?? 0)) found.push({ first, second });
  }
  return found;
}

/** From the last to the first: against the one of those after that stood in line first. */
function overtakenIn(holds: readonly Hold[]): Pair[] {
  const found: Pair[] = [];
  let earliest: (Hold & { queued: number }) | undefined;
  for (const first of holds.toReversed()) {
    if (earliest !== undefined && earliest.queued <= first.asked) found.push({ first, second: earliest });
    const { queued, lag = 0 } = first;
    if (queued !== undefined && lag < ownFault && (earliest === undefined || queued < earliest.queued)) {
      earliest = { ...first, queued };
    }
  }
  return found;
}

export function shownPair({ first, second, ...more }: Pair): string {
  return JSON.stringify({ ...more, first, second });
}
