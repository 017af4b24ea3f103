import type { Clock } from '../clock.js';
import { ClosedError } from '../errors.js';
import type { Lock } from '../lock.js';
import type { Lines } from './lines.js';
import type { LockMetrics } from './lock-metrics.js';
import type { Claim } from './node.js';
import type { Quorum } from './quorum.js';
import type { Renewable, Renewals } from './renewals.js';

/** What a held lock is to those who know its nodes. */
export interface Holder extends Renewable {
  lose(reason: string): void;
  close(error: ClosedError): Promise<void>;
}

/** What the locks of one process over one set of nodes share. */
export interface LockCore {
  readonly clock: Clock;
  /** Who this is, to the nodes: what every token begins with. */
  readonly process: string;
  readonly scope: Lock['scope'];
  readonly quorum: Quorum;
  /** By token. */
  readonly held: Map<string, Holder>;
  readonly lines: Lines;
  readonly renewals: Renewals;
  readonly metrics: LockMetrics;
  /** What is to be given back and was not acknowledged; each ends its wait for the next try. */
  readonly leaving: Set<() => void>;
  /** The highest fence of all that were seen: no later one may be below, whatever the clock of a new master shows. */
  floor: number;
  /** How many tokens were made. */
  tokens: number;
  closed: boolean;
}

/** Used once: who asks again after something was given back asks under another. */
export function newClaim(core: LockCore, resource: string): Claim {
  core.tokens += 1;
  return { resource, token: `${core.process}.${core.tokens.toString(36)}` };
}

export function closedError(): ClosedError {
  return new ClosedError('The locks are closed. Make new ones; closed ones cannot be opened again.');
}
