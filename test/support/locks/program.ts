import type { Lock, LockOptions, Locks } from 'tierkeep/locks';
import { type Random, randomFrom } from '../histories/random.js';
import type { Notebook } from './notebook.js';

export interface ProgramOptions {
  readonly seed: number;
  /** Of every lock, ms. */
  readonly ttl: number;
  readonly jobs: readonly Job[];
}

/** Some locks that so many callers in each process take and give back, over and over. */
export interface Job {
  readonly resources: readonly string[];
  readonly callers: number;
  /** How often a holder looks whether it still is one, at most. */
  readonly steps: number;
  readonly stepMs: number;
}

interface World {
  readonly locks: Locks;
  readonly notebook: Notebook;
  readonly isOver: () => boolean;
}

/** Longer than everything that is done to them: whoever waits so long was forgotten. */
const patience = 30_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Wish {
  readonly locks: Locks;
  readonly resource: string;
  readonly options: LockOptions;
  /** Soon. */
  readonly ms: number;
}

const manners: readonly { readonly weight: number; readonly ask: (wish: Wish) => Promise<Lock | undefined> }[] = [
  { weight: 8, ask: ({ locks, resource, options }) => locks.acquire(resource, options) },
  { weight: 2, ask: ({ locks, resource, options: { wait, ...options } }) => locks.tryAcquire(resource, options) },
  { weight: 2, ask: ({ locks, resource, options, ms }) => locks.acquire(resource, { ...options, wait: ms }) },
  {
    weight: 1,
    ask({ locks, resource, options, ms }) {
      const leaving = new AbortController();
      setTimeout(() => leaving.abort(), ms);
      return locks.acquire(resource, { ...options, signal: leaving.signal });
    },
  },
];

/** Resolves when all callers have come to an end, after `isOver`. */
export async function follow(world: World, { seed, ttl, jobs }: ProgramOptions): Promise<void> {
  const callers = jobs.flatMap((job) => Array.from({ length: job.callers }, () => job));
  await Promise.all(callers.map((job, index) => work(world, job, ttl, randomFrom(seed * 100 + index))));
}

async function work({ locks, notebook, isOver }: World, job: Job, ttl: number, random: Random): Promise<void> {
  while (!isOver()) {
    const resource = random.pick(job.resources);
    const options = { ttl, wait: patience, autoRenew: random.below(2) > 0 };
    const wish = { locks, resource, options, ms: 1 + random.below(20) };
    const grip = await notebook.attempt(resource, () => random.weighed(manners).ask(wish));
    if (grip === undefined) await pause(5 + random.below(20));
    else {
      for (let left = random.below(job.steps + 1); left > 0 && grip.isHeld(); left--) await pause(job.stepMs);
      await grip.giveBack();
    }
  }
}
