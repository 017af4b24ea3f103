import type { Entry } from '../entries/entry.js';
import { isDueToSlide } from '../entries/freshness.js';
import type { Space } from '../entries/labels.js';
import { expire } from './atomic-writes.js';
import type { Terms } from './call-options.js';
import type { Core } from './core.js';

/** So long one key is not written again whatever becomes of the first try: each of its readers would. */
const pauseMs = 250;

/** Sliding expiration: the reader of an entry gives it a new life. Nobody waits for that, and nobody is told when L2 cannot do it. */
export function slide(core: Core, space: Space, key: string, entry: Entry, sliding: number, terms: Terms): void {
  const { slides, clock } = core;
  if (!isDueToSlide(entry, sliding, clock.now()) || slides.full || slides.isPutOff(key)) return;
  slides.putOff(key, pauseMs);
  slides.begin();
  expire(core, space, key, sliding, terms, 'keep')
    .catch(() => undefined)
    .finally(() => slides.end());
}
