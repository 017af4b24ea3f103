import type { LockState } from '../lock.js';

/**
 * One place that keeps locks: a Redis, or this process's memory. Each step is atomic, and what is said here of one step is all that
 * anybody may rely on. A token is `<process>.<number>`, never used for another claim; who waits stands in line by its ticket.
 *
 * Promises settle by their deadline (monotonic ms), or reject as a `BackendError`: the outcome is unknown then unless that is `unsent`. What is executed later than its deadline
 * does nothing.
 */
export interface LockNode {
  /**
   * For the claim: takes the lock if it is free and nobody stands before the claim; confirms what was handed over to it; else it is held, and the
   * claim stands in line if it waits. Repeating it is harmless, and tells the node that its process is alive.
   */
  ask(ask: Ask, deadline: number): Promise<Answer>;
  /** Makes what the claim was given provisionally its own for `ms`, under that fence. False if somebody else has it. */
  confirm(claim: Claim, fence: number, ms: number, deadline: number): Promise<boolean>;
  /** A new life of so many ms for each; false for a claim that does not have its lock. */
  renew(renewals: readonly Renewal[], deadline: number): Promise<readonly (boolean | Error)[]>;
  /** Gives it back and hands it over, and takes the claim out of the line. False if it did not have it. */
  release(claim: Claim, deadline: number): Promise<boolean>;
  /** Takes the lock from whoever has it, tells the holder, and hands it over. */
  forceRelease(resource: string, deadline: number): Promise<boolean>;
  inspect(resource: string, deadline: number): Promise<LockState>;
  /** From now on what this node tells of the claims of that process is heard, as soon as that can be. Called once for each process. */
  listen(process: string, listener: NodeListener): Promise<void>;
  /** Whether what it tells is heard; without that the lock is handed over to no claim of this process that does not ask. */
  readonly isHeard: boolean;
  close(): Promise<void>;
}

export interface Claim {
  readonly resource: string;
  readonly token: string;
}

export interface Renewal extends Claim {
  readonly ms: number;
}

export interface Ask extends Claim {
  /** How long the lock is to live from now on. */
  readonly ms: number;
  /** Fences begin above this. */
  readonly floor: number;
  /** Stands in line if it cannot have the lock. */
  readonly waits: boolean;
  /** Its place in line, if it had one before; else it goes to the end. */
  readonly ticket: number | undefined;
  /**
   * One of several nodes: what is given is provisional until `confirm`, for `handOverMs`, and is passed on to whoever stands before this claim when
   * that asks again. So claims that were each given a part of the nodes come apart: the one that has waited longest gets all.
   */
  readonly provisional: boolean;
}

export type Answer =
  | { readonly state: 'granted'; readonly fence: number }
  /** `ms` until the lock ends unless it is renewed. The ticket of a claim that waits. */
  | { readonly state: 'held'; readonly ms: number; readonly ticket: number | undefined };

export interface NodeListener {
  /** The lock was handed over to the claim, provisionally: it is to ask. */
  granted(token: string): void;
  /** The lock was taken from the claim. */
  revoked(token: string): void;
  /** What it tells is heard from now on, and may not have been before. */
  heard(): void;
  /** What it kept may be lost: another server answers, or one that began anew. */
  doubted(): void;
}

/** How long the lock is kept for whom it was handed over to, until that asks. Whoever is frozen for longer loses its turn. */
export const handOverMs = 1_000;

/** A process that has not asked for so long is taken for dead, and with it its claims that wait. Those that wait ask several times in that time. */
export const aliveMs = 10_000;

/** How long the last fence of a resource is remembered after its lock: in that time clocks that differ or were set back are of no account. */
export const fenceMs = 600_000;

/** A lock is handed over past so many claims that cannot be told, at most; then it stays free until somebody asks. */
export const mostPassed = 1_000;

export function processOf(token: string): string {
  return token.slice(0, token.indexOf('.'));
}
