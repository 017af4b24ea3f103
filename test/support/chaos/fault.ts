import type { Site } from './site.js';

export interface Fault {
  /** As the table calls it. */
  readonly name: string;
  /** How long it lasts, ms; default 1000. */
  readonly ms?: number;
  /** Redis cannot be asked at all while it lasts, so a cache must come to leave it alone. */
  readonly opensCircuit: boolean;
  /** Before the last changes are made that are acknowledged before it begins. */
  prepare?(site: Site): Promise<unknown>;
  /** Resolves, when it has begun, to what ends it. */
  begin(site: Site): Promise<() => unknown>;
  /** After the recovery was measured: leaves the site as it was, for the next fault. */
  repair?(site: Site): Promise<unknown>;
}
