import type { Entry } from '../../entries/entry.js';

/** A tier that kept serving what is not true any more. */
export interface Mismatch {
  readonly key: string;
  /** Where the wrong value is. */
  readonly tier: 'l1' | 'l2';
  /** What says so. */
  readonly against: 'l2' | 'source';
  readonly found: Findings;
  /** How long the same write has been seen to be wrong, ms; at least `after`. */
  readonly lastedMs: number;
  /** How long ago the wrong value was made, by the clock of whoever made it, ms. */
  readonly ageMs: number;
}

/** What is there now; absent where there is nothing, or where nobody looked. */
export interface Findings {
  readonly l1?: Entry | undefined;
  readonly l2?: Entry | undefined;
  readonly source?: { readonly value: unknown } | undefined;
}
