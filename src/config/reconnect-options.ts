import { type Backoff, usualBackoff } from '../backends/redis/backoff.js';
import { type Duration, finiteMs } from '../duration.js';
import { ConfigError } from '../errors.js';
import { convertedBy } from './check.js';
import { nearest } from './nearest.js';
import { isPlainObject, shown } from './shown.js';

/** How soon a lost connection is made anew. It is tried for ever, each pause being up to a half shorter by chance. */
export interface ReconnectOptions {
  /** The first pause, from one attempt to the next. Default 50 ms. */
  readonly minBackoff?: Duration | undefined;
  /** Pauses double up to this. Default 1 s. */
  readonly maxBackoff?: Duration | undefined;
}

const names = ['minBackoff', 'maxBackoff'] as const;

export const reconnectField = convertedBy((given: ReconnectOptions): Backoff => {
  if (!isPlainObject(given)) {
    throw new ConfigError(`reconnect must be an object such as { minBackoff: '50ms', maxBackoff: '1s' }, got ${shown(given)}.`);
  }
  const unknown = Object.keys(given).find((key) => !names.some((name) => name === key));
  if (unknown !== undefined) {
    const meant = nearest(unknown, names) ?? names.join("' and '");
    throw new ConfigError(`the option 'reconnect.${unknown}' is unknown. There is '${meant}'.`);
  }
  const backoff: { -readonly [Name in keyof Backoff]: number } = {};
  for (const name of names) {
    const value = given[name] as Duration | undefined;
    if (value !== undefined) backoff[name] = finiteMs(value, `reconnect.${name}`);
  }
  const [problem] = backoffProblems(backoff, 'reconnect.minBackoff', 'reconnect.maxBackoff');
  if (problem !== undefined) throw new ConfigError(problem);
  return backoff;
});

/** What is wrong with the two together, by the names under which the user knows them. */
export function backoffProblems(
  { minBackoff = usualBackoff.minBackoff, maxBackoff = usualBackoff.maxBackoff }: Backoff,
  minName: string,
  maxName: string,
): string[] {
  if (minBackoff <= maxBackoff) return [];
  return [`${minName} (${minBackoff} ms) must not be longer than ${maxName} (${maxBackoff} ms): set both.`];
}
