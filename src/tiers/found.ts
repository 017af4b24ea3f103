import type { Entry } from '../entries/entry.js';
import type { Space } from '../entries/labels.js';

export type TierName = 'l1' | 'l2';

/** What was found beyond a fresh L1 copy, and who said so: memory answers only where L2 cannot be asked. */
export interface Found {
  readonly entry: Entry | undefined;
  readonly tier: TierName;
  /** The stamp of what is in L2, whether it counts or not. */
  readonly seen?: string | undefined;
  /** Where a copy in memory was written, which may be a namespace within the one that asks: whoever changes it keeps it there. */
  readonly space?: Space | undefined;
}

export interface FoundMany {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly tier: TierName;
  /** Those of which L2 could not be asked, as on a node that is away: memory has answered for them. */
  readonly unread: ReadonlySet<string>;
}
