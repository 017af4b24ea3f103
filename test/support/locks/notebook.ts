import { AsyncLocalStorage } from 'node:async_hooks';
import { openSync, writeSync } from 'node:fs';
import { BackendError, ClosedError, LockLostError, LockNotAcquiredError } from 'tierkeep';
import type { Lock, Locks } from 'tierkeep/locks';
import { countLostTime } from '../histories/lost-time.js';
import type { Attempt, Note } from './attempt.js';

/** The machine's monotonic clock, the same in all processes, ms. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export interface NotebookOptions {
  readonly process: string;
  /** It is written at once and in order, so that what a process did is known after it was killed. */
  readonly path: string;
  /** Whether a holder looks whether it still is one. Default true; without it overlaps are to be found. */
  readonly checks?: boolean;
}

/** Writes down what becomes of the calls of this process. */
export class Notebook {
  readonly #process: string;
  readonly #file: number;
  readonly #checks: boolean;
  readonly #asking = new AsyncLocalStorage<string>();
  readonly #lostTime = countLostTime();
  #attempts = 0;

  constructor(locks: Locks, { process, path, checks = true }: NotebookOptions) {
    this.#process = process;
    this.#file = openSync(path, 'a');
    this.#checks = checks;
    // Told in the call's own context, and so of which of them.
    locks.on('lock:contended', () => {
      const id = this.#asking.getStore();
      if (id !== undefined) this.#write({ id, queued: now() });
    });
  }

  /** Undefined when it was not free in time, or Redis could not be asked; rejects for what should never be. */
  async attempt(resource: string, call: () => Promise<Lock | undefined>): Promise<Grip | undefined> {
    this.#attempts += 1;
    const id = `${this.#process}:${this.#attempts}`;
    const write = (note: Partial<Attempt>) => this.#write({ id, ...note });
    const lost = this.#lostTime.lost();
    const lag = () => this.#lostTime.lost() - lost;
    write({ process: this.#process, resource, asked: now() });
    try {
      const lock = await this.#asking.run(id, call);
      if (lock === undefined) write({ ended: now(), how: 'gave up', lag: lag() });
      else write({ acquired: now(), fence: lock.fencingToken, lag: lag() });
      return lock && new Grip(lock, write, this.#checks);
    } catch (error) {
      const isRefused =
        error instanceof LockNotAcquiredError || error instanceof ClosedError || (error as Error).name === 'AbortError';
      if (!isRefused && !(error instanceof BackendError)) throw error;
      write({ ended: now(), how: isRefused ? 'gave up' : 'failed', error: String(error), lag: lag() });
      return undefined;
    }
  }

  #write(note: Note): void {
    writeSync(this.#file, `${JSON.stringify(note)}\n`);
  }
}

/** A lock in the hands of somebody who looks at it, or should. */
export class Grip {
  readonly lock: Lock;
  readonly #write: (note: Partial<Attempt>) => void;
  readonly #checks: boolean;

  constructor(lock: Lock, write: (note: Partial<Attempt>) => void, checks: boolean) {
    this.lock = lock;
    this.#write = write;
    this.#checks = checks;
  }

  /** To be asked before each step that needs the lock. */
  isHeld(): boolean {
    const held = now();
    if (this.#checks && !this.lock.isHeld) return false;
    this.#write({ held });
    return true;
  }

  /** What release() said. */
  async giveBack(): Promise<boolean> {
    const ended = now();
    if (this.isHeld()) {
      this.#write({ ended, how: 'released' });
      return this.lock.release();
    }
    this.#write({ ended, how: 'lost' });
    const { aborted, reason } = this.lock.signal;
    if (!aborted || !(reason instanceof LockLostError))
      throw new Error(`${this.lock.resource}: lost, and its signal does not say so`);
    if (await this.lock.release()) throw new Error(`${this.lock.resource}: lost, and given back as if it had not been`);
    return false;
  }
}
