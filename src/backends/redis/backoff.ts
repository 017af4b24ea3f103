/** Pauses between attempts to connect, ms. */
export interface Backoff {
  /** After the first failure. Default 50. */
  readonly minBackoff?: number | undefined;
  /** They double up to this. Default 1000. */
  readonly maxBackoff?: number | undefined;
}

export const usualBackoff = { minBackoff: 50, maxBackoff: 1_000 } as const;

/**
 * How long to wait for the next attempt, from the beginning of the last one: between a half and the whole of a pause that doubles with each
 * failure, so that processes that lost a server together do not all come back to it together.
 */
export function pauseAfter(failures: number, backoff: Backoff = {}): number {
  const { minBackoff = usualBackoff.minBackoff, maxBackoff = usualBackoff.maxBackoff } = backoff;
  return Math.min(maxBackoff, minBackoff * 2 ** failures) * (0.5 + Math.random() / 2);
}

/** The least that is waited after an attempt that took long: it does not end at the same moment everywhere, but nearly. */
export function breather({ minBackoff = usualBackoff.minBackoff }: Backoff = {}): number {
  return minBackoff * Math.random();
}
