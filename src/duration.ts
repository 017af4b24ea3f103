import { ConfigError } from './errors.js';

/**
 * A length of time: a number of **milliseconds**, or text with a unit (`'250ms' | '5s' | '5m' | '1h' | '1d'`).
 * `Infinity` means for ever. Rounded to whole milliseconds, which is what every backend can keep.
 */
export type Duration = number | `${number}${DurationUnit}`;

export type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd';

const unitMs: Record<DurationUnit, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longer than this is a mistake of unit; beyond it a deadline would leave the range of exact integers in some script. */
const longestMs = 100 * 365 * unitMs.d;

/**
 * Checks a text as a {@link Duration}, for strings whose type was widened (from a file, from the environment).
 * @throws ConfigError when it is no duration
 * @example
 * cache.set('k', 1, { ttl: duration(process.env.TTL ?? '5m') });
 */
export function duration(text: string): Duration {
  parseDuration(text as Duration, 'duration');
  return text as Duration;
}

/**
 * Whole milliseconds, at least 1, of a duration that must be positive (Infinity allowed).
 * @throws ConfigError naming `what` when it is not
 */
export function positiveMs(value: Duration, what: string): number {
  const ms = parseDuration(value, what);
  if (ms > 0) {
    if (ms < 1_000 && what === 'ttl' && typeof value === 'number') warnOfBareNumber(ms);
    return Math.max(1, Math.round(ms));
  }
  const mend = what === 'ttl' ? ' To keep for ever write Infinity; to store nothing return skip(value).' : '';
  throw new ConfigError(`${what} must be positive, got ${shown(value)}.${mend}`);
}

let warned = false;

/** Most caches take seconds, and a cache that keeps everything for 60 ms looks like one that works. */
function warnOfBareNumber(ms: number): void {
  if (warned) return;
  warned = true;
  process.emitWarning(`ttl ${ms} means ${ms} ms. Write '${ms}s' for seconds, '${ms}ms' to be rid of this warning.`, {
    type: 'TierkeepWarning',
    code: 'TIERKEEP_SHORT_TTL',
  });
}

/** Whole milliseconds of a duration that may be zero (no grace, no wait) but not negative. */
export function nonNegativeMs(value: Duration, what: string): number {
  const ms = parseDuration(value, what);
  if (ms >= 0) return Math.round(ms);
  throw new ConfigError(`${what} must not be negative, got ${shown(value)}.`);
}

/** Like {@link nonNegativeMs}, for what must end. */
export function endingMs(value: Duration, what: string): number {
  const ms = nonNegativeMs(value, what);
  if (ms < Number.POSITIVE_INFINITY) return ms;
  throw new ConfigError(`${what} must end, got ${shown(value)}.`);
}

/** Like {@link positiveMs}, for what is waited for and so must end: a budget, a time-out. */
export function finiteMs(value: Duration, what: string): number {
  const ms = positiveMs(value, what);
  if (ms <= longestTimerMs) return ms;
  throw new ConfigError(`${what} must end: at most ${longestTimerMs} ms (24 days), got ${shown(value)}.`);
}

/** What setTimeout can hold; it fires at once for anything longer. */
const longestTimerMs = 24 * unitMs.d;

function parseDuration(value: Duration, what: string): number {
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? parseText(value) : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new ConfigError(
      `${what} must be a number of milliseconds or text such as '250ms', '5s', '5m', '1h', '1d'; got ${shown(value)}.`,
    );
  }
  if (ms > longestMs && ms !== Number.POSITIVE_INFINITY) {
    throw new ConfigError(`${what} of ${shown(value)} is over 100 years. To keep for ever write Infinity.`);
  }
  return ms;
}

function parseText(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return Number.NaN;
  return Number(match[1]) * unitMs[match[2] as DurationUnit];
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
