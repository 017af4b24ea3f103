import type { Clock } from './clock.js';
import { isOutage } from './errors.js';
import type { Emitter } from './events.js';

/** Where a cache reports trouble: pino, a Fastify logger, `console`, or anything alike. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface ReportSettings {
  /** The cache's name. */
  readonly cache: string;
  /** The L2 tier's name. */
  readonly backend: string;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
}

/** Trouble that pauses for longer than this and then comes back is new trouble. */
const quietMs = 60_000;

/**
 * Tells people about an outage once, not once per call. To a logger: the first failure as a warning, the others at debug level, each
 * state of the circuit, entries that cannot be read. Without a logger: one process warning per outage.
 *
 * Details hold no error objects: what a client library hangs on its errors may be an AUTH command with the password in it.
 */
export function reportOutages(events: Emitter, { cache, backend, clock, logger }: ReportSettings): void {
  const outage = spellOf(clock);
  const refusal = spellOf(clock);
  const unreadable = spellOf(clock);
  let openSince: number | undefined;

  events.on('l2:error', ({ operation, error }) => {
    const away = isOutage(error);
    const first = (away ? outage : refusal).isNew();
    if (logger !== undefined) {
      const message = `${backend} ${away ? 'is away' : 'refused an operation'}; the call goes on without it`;
      logger[first ? 'warn' : 'debug']({ cache, backend, operation, ...described(error) }, message);
    } else if (first) {
      const what = away
        ? 'is away; memory and factories serve until it is back'
        : 'refused an operation; calls go on without it';
      process.emitWarning(
        `The cache '${cache}': ${backend} ${what} (${described(error).reason}). .logger(…) on the builder tells more.`,
        { type: 'TierkeepWarning', code: away ? 'TIERKEEP_L2_AWAY' : 'TIERKEEP_L2_REFUSED' },
      );
    }
  });

  events.on('circuit', ({ state, reason }) => {
    const details = { cache, backend, state };
    if (state === 'open') {
      openSince ??= clock.monotonic();
      logger?.warn({ ...details, ...described(reason) }, `${backend} is not asked any more: memory and factories serve`);
    } else if (state === 'half-open') {
      logger?.debug(details, `${backend} is asked whether it is back`);
    } else {
      const awayMs = Math.round(clock.monotonic() - (openSince ?? clock.monotonic()));
      openSince = undefined;
      outage.end();
      logger?.info({ ...details, awayMs }, `${backend} is back`);
    }
  });

  events.on('journal:undelivered', ({ keys, tags, namespaces, patterns, everything, error }) => {
    const names = { keys, tags, namespaces, patterns, everything };
    const count = keys.length + tags.length + namespaces.length + patterns.length;
    const what = everything
      ? 'the whole cache'
      : `${count} of its keys and tags (${firstOf([...keys, ...tags, ...namespaces, ...patterns])})`;
    const message = `${backend} was not told that ${what} changed: it keeps what is old there until its time is up`;
    if (logger !== undefined) logger.warn({ cache, backend, ...names, ...described(error) }, message);
    else
      process.emitWarning(`The cache '${cache}' was closed: ${message}.`, {
        type: 'TierkeepWarning',
        code: 'TIERKEEP_UNDELIVERED',
      });
  });

  if (logger === undefined) return;
  events.on('journal:overflow', ({ maxNames }) => {
    logger.warn(
      { cache, backend, maxNames },
      `more changes wait for ${backend} than may be kept by name: the whole cache will be invalidated there`,
    );
  });
  events.on('entry:unreadable', ({ key, error }) => {
    const details = { cache, backend, key, ...described(error) };
    logger[unreadable.isNew() ? 'warn' : 'debug'](details, 'an entry could not be read: it counts as a miss and is removed');
  });
}

/** A stretch of trouble without a long pause in it. */
function spellOf(clock: Clock): { isNew(): boolean; end(): void } {
  let last = Number.NEGATIVE_INFINITY;
  return {
    isNew() {
      const before = last;
      last = clock.monotonic();
      return last - before > quietMs;
    },
    end() {
      last = Number.NEGATIVE_INFINITY;
    },
  };
}

function firstOf(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')}…` : names.join(', ');
}

function described(error: unknown): { code?: string; reason: string } {
  if (!(error instanceof Error)) return { reason: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return { ...(typeof code === 'string' && { code }), reason: error.message.replace(/\.$/, '') };
}
