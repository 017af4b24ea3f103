import type { Entry } from '../../entries/entry.js';
import type { Findings, Mismatch } from './mismatch.js';
import type { AuditSettings } from './options.js';

/** A tier whose entry was not what it should be, once. */
export interface Suspicion extends Pick<Mismatch, 'tier' | 'against'> {
  readonly entry: Entry;
}

/** What is odd about one look at a key; undefined when there was nothing to compare. */
export function suspicionsIn(
  { l1, l2, source }: Findings,
  key: string,
  { truth, compare, absent, clock }: AuditSettings,
): Suspicion[] | undefined {
  const fresh = l2 !== undefined && l2.freshUntil > clock.now() ? l2 : undefined;
  const comparable = source === undefined ? l1 !== undefined : l1 !== undefined || fresh !== undefined;
  if (!comparable) return undefined;
  const suspicions: Suspicion[] = [];
  if (l1 !== undefined && truth !== undefined) {
    // The same write is the same value, and a value that was written anew, but is the same, does no harm.
    const differs = l2 === undefined ? absent === 'report' : l1.stamp !== l2.stamp && !compare(l1.value, l2.value, key);
    if (differs) suspicions.push({ tier: 'l1', against: 'l2', entry: l1 });
  }
  if (source !== undefined) {
    if (l1 !== undefined && !compare(l1.value, source.value, key))
      suspicions.push({ tier: 'l1', against: 'source', entry: l1 });
    if (fresh !== undefined && !compare(fresh.value, source.value, key)) {
      suspicions.push({ tier: 'l2', against: 'source', entry: fresh });
    }
  }
  return suspicions;
}

/** Those that are of the same write, in the same tier, as one before. */
export function lasting(suspicions: readonly Suspicion[], before: readonly Suspicion[]): Suspicion[] {
  return suspicions.filter(({ tier, against, entry }) =>
    before.some((other) => other.tier === tier && other.against === against && other.entry.stamp === entry.stamp),
  );
}
