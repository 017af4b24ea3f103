/**
 * What the processes that share one L2 tell each other: which keys were changed. A message goes out from within the script that makes the
 * change, so a bus only listens. Tiers know it by this alone.
 */
export interface Bus {
  /** Begins to listen as soon as L2 is in use. The listener is called synchronously and in the order of arrival. */
  listen(listener: BusListener): void;
  /**
   * Resolves when it is shown that every message sent before this call has been heard, and that L2 takes writes. Settles by `deadline`
   * (monotonic ms); a rejection says that one of the two could not be shown.
   */
  prove(deadline: number): Promise<void>;
  close(): Promise<void>;
}

/** Keys; or `all`: there is nothing any more; or `any`: too many keys to name. */
export type Changed = readonly string[] | 'all' | 'any';

export interface BusListener {
  message(bytes: Buffer): void;
  /** Redis itself tells of changes, by whomever, this process included. */
  changed(what: Changed): void;
  /** From now on everything is heard. */
  listening(): void;
  /** Messages may be missed from now on, until it listens again. */
  lost(reason: unknown): void;
}
