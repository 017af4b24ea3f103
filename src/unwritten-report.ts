import type { Emitter } from './events.js';
import type { Logger } from './outage-report.js';

/** Tells people what a source was not given when its cache was closed: to a logger, or as a process warning. Keys only, no values. */
export function reportUnwritten(events: Emitter, cache: string, logger: Logger | undefined): void {
  events.on('source:unwritten', ({ values, removed, error }) => {
    const keys = [...values.keys()];
    const reason = error === undefined ? 'there was no time' : String(error);
    const message = `the source was not given ${keys.length + removed.length} writes that were acknowledged`;
    if (logger !== undefined) logger.error({ cache, keys, removed, reason }, message);
    else {
      const some = [...keys, ...removed].slice(0, 5).join(', ');
      process.emitWarning(`The cache '${cache}' was closed: ${message} (${some}; ${reason}).`, {
        type: 'TierkeepWarning',
        code: 'TIERKEEP_UNWRITTEN',
      });
    }
  });
}
