import { isOutage, LockLostError, LockNotAcquiredError } from '../../../src/errors.js';
import type { Lock } from '../../../src/lock.js';
import { type LockProgram, type LockTrouble, longestTtl, type Mishap, type Turn } from './lock-programs.js';
import { byTheSameChances, LockWorld } from './lock-world.js';
import { OverlapJudge } from './overlap-judge.js';
import type { LockProcess } from './simulated-process.js';
import type { LockMechanisms, SimulatedServer } from './simulated-server.js';

export interface Scene {
  readonly servers: number;
  readonly processes: number;
}

/** Everything must have ended so long after the last mishap: longer than who waits outlasts an outage, and every lock lives. */
const patienceMs = 120_000;
/** Three processes hand a lock over in a few round trips of 2 ms. */
const promptMs = 100;

/**
 * Runs the programs over simulated processes in the order that the delays make, and throws when a lock is relied on by two, when a fence is not above
 * all before, when somebody waits for ever, or when anything is left over.
 */
export function interleaveLocks(
  scene: Scene,
  programs: readonly LockProgram[],
  trouble: LockTrouble,
  without: LockMechanisms = {},
): Promise<void> {
  return byTheSameChances(() => new Run(scene, trouble, without).all(programs));
}

interface Call {
  readonly process: LockProcess;
  readonly outcome: Promise<void>;
}

class Run {
  readonly #world: LockWorld;
  readonly #judge = new OverlapJudge();
  readonly #transits: number[];
  /** When the last mishap is over. */
  readonly #calm: number;

  constructor(
    scene: Scene,
    private readonly trouble: LockTrouble,
    without: LockMechanisms,
  ) {
    this.#transits = [...trouble.transits];
    this.#calm = Math.max(0, ...trouble.mishaps.map((mishap) => mishap.at + ('for' in mishap ? mishap.for : 0)));
    this.#world = new LockWorld({ ...scene, rates: trouble.rates, transit: () => this.#transits.shift() ?? 1 }, without);
    this.#world.look = () => this.#judge.look();
  }

  async all(programs: readonly LockProgram[]): Promise<void> {
    for (const mishap of this.trouble.mishaps) this.#world.timeline.schedule(mishap.at, () => this.#happens(mishap));
    const callers = programs.map(({ process: index, turns }) => {
      const process = this.#world.processes[index] as LockProcess;
      return { process, outcome: this.#follow(process, turns) };
    });
    await this.#ended(callers, this.#calm + patienceMs);
    this.#transits.length = 0;
    await this.#each((process) => process.pause(this.#calm - this.#now));
    // Whatever had died by then has ended long before.
    for (const resource of ['a', 'b']) await this.#each((process) => this.#passThrough(process, resource));
    await this.#each((process) => process.pause(2 * longestTtl));
    const from = this.#now;
    await this.#each((process) => this.#passThrough(process, 'a'));
    if (this.#now - from > promptMs) throw new Error(`what was left behind cost ${this.#now - from} ms`);
    await this.#each((process) => process.locks.close());
    for (const { timers } of this.#living) if (timers > 0) throw new Error('a timer is left');
  }

  get #now(): number {
    return this.#world.timeline.now;
  }

  get #living(): readonly LockProcess[] {
    return this.#world.processes.filter((process) => !process.isDead);
  }

  #each(call: (process: LockProcess) => Promise<void>): Promise<void> {
    const calls = this.#living.map((process) => ({ process, outcome: call(process) }));
    return this.#ended(calls, this.#now + patienceMs);
  }

  #happens(mishap: Mishap): void {
    if ('process' in mishap) {
      const process = this.#world.processes[mishap.process] as LockProcess;
      if (mishap.kind === 'cut') process.nodes[mishap.server]?.cut();
      else if (mishap.kind === 'standStill') process.standStill(mishap.for);
      else process.kill();
    } else {
      this.#befalls(this.#world.servers[mishap.kind === 'emptied' ? 0 : mishap.server] as SimulatedServer, mishap);
    }
  }

  #befalls(server: SimulatedServer, mishap: Exclude<Mishap, { process: number }>): void {
    const { timeline } = this.#world;
    if (mishap.kind === 'step') server.time.ahead += mishap.ahead;
    else if (mishap.kind === 'unheard') {
      server.isHeard = false;
      timeline.schedule(mishap.for, () => {
        server.isHeard = true;
      });
    } else {
      server.state = mishap.kind === 'emptied' ? 'refusing' : mishap.kind;
      timeline.schedule(mishap.for, () => {
        server.state = 'up';
        if (mishap.kind === 'emptied') server.restartEmpty();
      });
    }
  }

  async #follow(process: LockProcess, turns: readonly Turn[]): Promise<void> {
    for (const turn of turns) {
      await process.pause(turn.after);
      try {
        await this.#take(process, turn);
      } catch (error) {
        const isExpected = error instanceof LockNotAcquiredError || error instanceof LockLostError || isOutage(error);
        if (!isExpected) throw error;
      }
    }
  }

  async #take(process: LockProcess, { resource, ttl, wait, autoRenew, budget, work, end }: Turn): Promise<void> {
    const { locks } = process;
    const options = { ttl, autoRenew, budget };
    const lock: Lock | undefined =
      wait === 0 ? await locks.tryAcquire(resource, options) : await locks.acquire(resource, { ...options, wait });
    if (lock === undefined) return;
    this.#judge.took(process, lock);
    await process.pause(work);
    try {
      if (end === 'refresh and release') await lock.refresh(ttl / 2 + 50);
      if (end === 'refresh and release') await process.pause(work);
    } finally {
      // A forgotten lock that renews itself would be kept for good.
      if (end === 'forget' && autoRenew) await process.pause(longestTtl);
      if (end !== 'forget' || autoRenew) await lock.release();
    }
  }

  async #passThrough(process: LockProcess, resource: string): Promise<void> {
    const lock = await process.locks.acquire(resource, { ttl: 500, wait: 4 * longestTtl });
    this.#judge.took(process, lock);
    await lock.release();
  }

  /** What a process that was killed was about to do does not count. */
  async #ended(calls: readonly Call[], limit: number): Promise<void> {
    const open = new Set(calls);
    let failure: unknown;
    for (const call of calls) {
      call.outcome.then(
        () => open.delete(call),
        (error: unknown) => {
          failure ??= error;
        },
      );
    }
    const isOver = () => failure !== undefined || [...open].every(({ process }) => process.isDead);
    await this.#world.until(isOver, limit);
    if (failure !== undefined) throw failure;
  }
}
