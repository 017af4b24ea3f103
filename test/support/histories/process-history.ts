/**
 * What processes tell of their own calls. Times are ms of the machine's monotonic clock, which all processes share; versions are those
 * of the source, which only grow.
 */
export interface Read {
  readonly process: string;
  readonly key: string;
  /** Taken before the call. */
  readonly began: number;
  readonly version: number;
  /** How long ago it is sure that timers and sockets had their turn: what a process was not told while it did not run, it cannot know. */
  readonly lag: number;
  /** L2 failed meanwhile, so memory may have answered: that is outside of what is promised. */
  readonly excused: boolean;
}

export interface Invalidation {
  readonly process: string;
  readonly call: string;
  /** Taken before the call. */
  readonly began?: number;
  /** Taken after the call. */
  readonly acknowledged: number;
  /** When it is known to be in force in L2, if that was later; Infinity: never. */
  readonly inForce?: number;
  /** For each key that it concerns the version that was current before it began. */
  readonly floors: readonly (readonly [key: string, version: number])[];
  /** It may overtake loads of keys that it does not concern. */
  readonly broad: boolean;
  /** L2 failed meanwhile, so it promises nothing. */
  readonly excused: boolean;
}

/** One run of a factory. */
export interface Load {
  readonly process: string;
  readonly key: string;
  readonly began: number;
  readonly ended: number;
  /** L2 failed shortly before or meanwhile, so that it may have run without a lease. */
  readonly excused: boolean;
}

/** A call that took long. All in ms. */
export interface SlowCall {
  readonly process: string;
  readonly operation: string;
  readonly began: number;
  readonly took: number;
  /** So much of it its own factory ran. */
  readonly factory: number;
  /** For so long meanwhile the process did not run. */
  readonly lost: number;
}

export interface ProcessHistory {
  readonly reads: Read[];
  readonly invalidations: Invalidation[];
  readonly loads: Load[];
  /** How many there were of each operation. */
  readonly calls: Record<string, number>;
  readonly slow: SlowCall[];
}

export interface Violation {
  readonly read: Read;
  readonly told: Invalidation;
  /** What had to be read at least. */
  readonly floor: number;
  /** From when it was to be known to the beginning of the read, ms. */
  readonly staleFor: number;
}

export interface Verdict {
  /** Reads that were judged. */
  readonly reads: number;
  readonly excused: number;
  readonly invalidations: number;
  /** Reads that were older than what another process had been told, within the bound or not. */
  readonly stale: number;
  /** The longest of those, ms. */
  readonly stalest: number;
  /** Longest times a process that read did not come to its event loop, ms. */
  readonly worstLag: number;
  readonly violations: readonly Violation[];
}

/** Timers are a millisecond or two coarse. */
const slack = 10;

/**
 * Whether every read knew of every invalidation that was acknowledged more than `maxStaleness` before it began; of those of its own
 * process at once. Reads without L2 are judged by `withoutL2`, or not at all. Takes n log n.
 */
export function judge(
  { reads, invalidations }: Pick<ProcessHistory, 'reads' | 'invalidations'>,
  maxStaleness: number,
  withoutL2?: number,
): Verdict {
  const counted = invalidations.filter(({ excused }) => !excused);
  const byKey = new Map<string, Timeline>();
  const byProcessAndKey = new Map<string, Timeline>();
  const since = ({ acknowledged, inForce = acknowledged }: Invalidation) => inForce;
  for (const told of counted.filter((each) => since(each) < Number.POSITIVE_INFINITY).sort((a, b) => since(a) - since(b))) {
    for (const [key, floor] of told.floors) timeline(byKey, key).add(floor, told, since(told));
  }
  for (const told of counted.sort((a, b) => a.acknowledged - b.acknowledged)) {
    for (const [key, floor] of told.floors) {
      timeline(byProcessAndKey, `${told.process} ${key}`).add(floor, told, told.acknowledged);
    }
  }

  const judged = withoutL2 === undefined ? reads.filter(({ excused }) => !excused) : reads;
  const violations: Violation[] = [];
  let stale = 0;
  let stalest = 0;
  let worstLag = 0;
  for (const read of judged) {
    worstLag = Math.max(worstLag, read.lag);
    const bound = read.excused ? (withoutL2 ?? 0) : maxStaleness;
    const own = byProcessAndKey.get(`${read.process} ${read.key}`)?.firstBeyond(read.version, read.began);
    const any = byKey.get(read.key)?.firstBeyond(read.version, read.began);
    if (any !== undefined) {
      stale += 1;
      stalest = Math.max(stalest, any.staleFor);
    }
    if (own !== undefined) violations.push({ read, ...own });
    else if (any !== undefined && any.staleFor > bound + slack + read.lag) violations.push({ read, ...any });
  }
  const excused = reads.length - judged.length;
  return { reads: judged.length, excused, invalidations: counted.length, stale, stalest, worstLag, violations };
}

/** Invalidations of one key in the order in which they were to be known. */
class Timeline {
  readonly #told: Invalidation[] = [];
  readonly #since: number[] = [];
  /** The highest floor so far, so that it only grows and can be searched. */
  readonly #floors: number[] = [];

  add(floor: number, told: Invalidation, since: number): void {
    this.#told.push(told);
    this.#since.push(since);
    this.#floors.push(Math.max(floor, this.#floors.at(-1) ?? 0));
  }

  /** The first invalidation that a read of this version did not know, if it was to be known before the read began. */
  firstBeyond(version: number, began: number): Omit<Violation, 'read'> | undefined {
    let low = 0;
    let high = this.#floors.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#floors[middle] as number) > version) high = middle;
      else low = middle + 1;
    }
    const [told, since] = [this.#told[low], this.#since[low]];
    if (told === undefined || since === undefined || since >= began) return undefined;
    return { told, floor: this.#floors[low] as number, staleFor: began - since };
  }
}

function timeline(all: Map<string, Timeline>, key: string): Timeline {
  const found = all.get(key) ?? new Timeline();
  all.set(key, found);
  return found;
}

export interface LoadBounds {
  /** Each process may hear of an invalidation at its own time, and what it loads just then is overtaken. */
  readonly processes: number;
  /** With their process or their connection. */
  readonly leasesLost: number;
}

/** Keys whose factory ran more often than there were reasons for: the first load, invalidations and lost leases. */
export function overloaded(
  { invalidations, loads }: Pick<ProcessHistory, 'invalidations' | 'loads'>,
  { processes, leasesLost }: LoadBounds,
): string[] {
  const reasons = new Map<string, number>();
  const broad = invalidations.filter((told) => told.broad).length;
  for (const [key] of invalidations.filter((told) => !told.broad).flatMap(({ floors }) => floors)) {
    reasons.set(key, (reasons.get(key) ?? 0) + 1);
  }
  const runs = new Map<string, number>();
  for (const { key } of loads.filter(({ excused }) => !excused)) runs.set(key, (runs.get(key) ?? 0) + 1);
  const allowed = (key: string) => 1 + leasesLost + (1 + processes) * ((reasons.get(key) ?? 0) + broad);
  return [...runs].filter(([key, count]) => count > allowed(key)).map(([key, count]) => `${key}: ${count} of ${allowed(key)}`);
}

export function shownViolation({ read, told, floor, staleFor }: Violation): string {
  const { process, key, version, began, lag } = read;
  return `${process} read version ${version} of ${key} at ${began.toFixed(1)} (lag ${lag.toFixed(1)} ms), ${staleFor.toFixed(1)} ms after ${told.process} was told that ${told.call} is done${told.inForce === undefined ? '' : ' and L2 had it'}, when it was ${floor} already`;
}
