import { isFresh } from '../entries/freshness.js';
import type { Space } from '../entries/labels.js';
import type { Terms } from './call-options.js';
import type { Core } from './core.js';
import { countBeyondL1, countL1Hit } from './counting.js';
import { freshInL1, readManyBeyondL1 } from './reads.js';
import { slide } from './slide.js';

/** The fresh values by the keys as they were asked for, which stand in the order of the full ones. */
export async function getMany(
  core: Core,
  space: Space,
  asked: readonly string[],
  fullKeys: readonly string[],
  terms: Terms & { readonly sliding: number | undefined },
): Promise<Map<string, unknown>> {
  const copies = fullKeys.map((key) => freshInL1(core, space, key, terms.outage));
  const lacking = fullKeys.filter((_, index) => copies[index] === undefined);
  const beyond = lacking.length === 0 ? undefined : await readManyBeyondL1(core, space, lacking, terms);
  const now = core.clock.now();
  const values = new Map<string, unknown>();
  for (const [index, key] of asked.entries()) {
    const fullKey = fullKeys[index] as string;
    const copy = copies[index];
    const entry = copy ?? beyond?.entries.get(fullKey);
    if (copy !== undefined) countL1Hit(core, fullKey);
    else if (beyond !== undefined) {
      countBeyondL1(core, fullKey, { entry, tier: beyond.unread.has(fullKey) ? 'l1' : beyond.tier }, now);
    }
    // A copy that was fresh when it was looked up is a hit, as it is for `get`, even if the others took a while.
    if (entry !== undefined && (entry === copy || isFresh(entry, now))) {
      values.set(key, entry.value);
      if (terms.sliding !== undefined) slide(core, space, fullKey, entry, terms.sliding, terms);
    }
  }
  return values;
}
