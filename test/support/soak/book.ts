import type { Invalidation, Load, ProcessHistory, Read } from '../histories/process-history.js';
import { emptyHistory } from '../histories/recorder.js';

/** A stretch of time, ms of the clock that all processes share. */
export interface Stretch {
  readonly from: number;
  until: number;
}

/** What all processes told of one round. Of many reads that say the same only the latest are kept: an earlier one accuses nobody that they do not. */
export class Book {
  #history = emptyHistory();
  readonly #latest = new Map<string, Read>();
  readonly #latestHeard = new Map<string, Read>();
  reads = 0;
  excused = 0;

  add(piece: ProcessHistory): void {
    const { invalidations, loads, slow, calls } = this.#history;
    for (const read of piece.reads) this.#read(read);
    for (const told of piece.invalidations) invalidations.push(told);
    for (const loaded of piece.loads) loads.push(loaded);
    for (const call of piece.slow) slow.push(call);
    for (const [name, count] of Object.entries(piece.calls)) calls[name] = (calls[name] ?? 0) + count;
  }

  get history(): ProcessHistory {
    return { ...this.#history, reads: [...new Set([...this.#latest.values(), ...this.#latestHeard.values()])] };
  }

  /** Begins another round with what is still to be known: the highest floors. */
  turn(): void {
    const floors = new Map<string, { readonly told: Invalidation; readonly floor: number }>();
    for (const told of this.#history.invalidations) {
      if (told.excused) continue;
      for (const [key, floor] of told.floors) {
        if (floor > (floors.get(key)?.floor ?? -1)) floors.set(key, { told, floor });
      }
    }
    this.#history = emptyHistory();
    this.#latest.clear();
    this.#latestHeard.clear();
    for (const [key, { told, floor }] of floors) this.#history.invalidations.push({ ...told, floors: [[key, floor]] });
  }

  #read(read: Read): void {
    this.reads += 1;
    if (read.excused) this.excused += 1;
    const { process, key, version, excused, began, lag } = read;
    const same = `${process} ${key} ${version} ${excused}`;
    if (began > (this.#latest.get(same)?.began ?? 0)) this.#latest.set(same, read);
    const heard = this.#latestHeard.get(same);
    if (heard === undefined || began - lag > heard.began - heard.lag) this.#latestHeard.set(same, read);
  }
}

/**
 * What was acknowledged by a server whose data were then lost is in force again when whoever had it done has said so again, and never if
 * that process has died meanwhile.
 */
export function weakened(
  invalidations: readonly Invalidation[],
  losses: readonly Stretch[],
  deaths: ReadonlyMap<string, number>,
): Invalidation[] {
  return invalidations.map((told) => {
    const inForce = told.inForce ?? told.acknowledged;
    const loss = losses.find(({ from, until }) => from <= inForce && inForce <= until);
    if (loss === undefined) return told;
    const died = deaths.get(told.process) ?? Number.POSITIVE_INFINITY;
    return { ...told, inForce: died < loss.until ? Number.POSITIVE_INFINITY : loss.until };
  });
}

/** Two factories of one key that ran at the same time, though nothing came between that would let the second begin. */
export function doubled(
  { invalidations, loads }: Pick<ProcessHistory, 'invalidations' | 'loads'>,
  leaseMs: number,
  excuses: readonly Stretch[],
): (readonly [first: Load, second: Load])[] {
  const broad: Stretch[] = [];
  const byKey = new Map<string, Stretch[]>();
  for (const { began = 0, acknowledged, inForce = acknowledged, excused, broad: anyKey, floors } of invalidations) {
    // One that failed may be executed a while later.
    const stretch = { from: began, until: inForce + (excused ? leaseMs : 0) };
    if (anyKey) broad.push(stretch);
    else for (const [key] of floors) byKey.set(key, [...(byKey.get(key) ?? []), stretch]);
  }
  const known = loads
    .filter((load) => !load.excused && load.ended - load.began < leaseMs / 2)
    .sort((a, b) => a.began - b.began);
  const running = new Map<string, Load>();
  const found: (readonly [Load, Load])[] = [];
  for (const second of known) {
    const first = running.get(second.key);
    running.set(second.key, second);
    if (first === undefined || first.ended <= second.began) continue;
    // The lease is taken somewhat before the factory runs.
    const crosses = ({ from, until }: Stretch) => until >= first.began - leaseMs / 4 && from <= second.began;
    const reasons = [broad, byKey.get(second.key) ?? [], excuses];
    if (!reasons.some((some) => some.some(crosses))) found.push([first, second]);
  }
  return found;
}
