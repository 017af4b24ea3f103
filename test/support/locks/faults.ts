import type { Locks } from 'tierkeep/locks';
import { eventually } from '../eventually.js';
import type { Random } from '../histories/random.js';
import type { RedisServer } from '../redis-server.js';
import type { Crew } from './crew.js';
import type { Span } from './idle-locks.js';
import { now } from './notebook.js';

/** What a fault may lay hands on. */
export interface Scene {
  readonly redis: RedisServer;
  readonly crew: Crew;
  readonly random: Random;
  /** To look at the same locks. */
  readonly observer: Locks;
  /** Locks that somebody waits for at any time, and their TTL. */
  readonly long: readonly string[];
  readonly ttl: number;
}

export type FaultName = keyof typeof faults;

/** Each ends by itself; it says when Redis could not be asked, or its data were lost. */
export const faults = {
  async 'a holder is killed'(scene: Scene) {
    const holder = await holderOf(scene);
    await scene.crew.kill(holder.slot);
    await replaced(scene, holder);
  },
  async 'a holder is frozen past its TTL'(scene: Scene) {
    const holder = await holderOf(scene);
    const process = scene.crew.process(holder.slot);
    process.freeze();
    try {
      await replaced(scene, holder);
    } finally {
      process.thaw();
    }
  },
  async 'all connections are cut'({ redis }: Scene) {
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  },
  async 'the connections for commands are cut'({ redis }: Scene) {
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
  },
  async 'the subscribers are cut'({ redis }: Scene) {
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
  },
  async 'Redis is frozen past the TTL'({ redis, ttl }: Scene) {
    redis.freeze();
    try {
      await new Promise((resolve) => setTimeout(resolve, ttl * 1.5));
    } finally {
      redis.thaw();
    }
  },
  async 'Redis comes back empty'({ redis }: Scene) {
    await redis.kill();
    await redis.restart();
  },
} satisfies Record<string, (scene: Scene) => Promise<void>>;

/** One after the other; resolves to when each of them was. */
export async function strike(scene: Scene, names: readonly FaultName[]): Promise<Span[]> {
  const spans: Span[] = [];
  for (const name of names) {
    const from = now();
    await faults[name](scene);
    spans.push({ from, to: now() });
    await new Promise((resolve) => setTimeout(resolve, 50 + scene.random.below(300)));
  }
  return spans;
}

interface Holder {
  readonly resource: string;
  readonly pid: number;
}

/** Who has one of the long ones now. */
async function holderOf({ observer, crew, random, long }: Scene): Promise<Holder & { slot: number }> {
  return eventually(
    async () => {
      const resource = random.pick(long);
      const pid = pidOf((await observer.inspect(resource)).holder);
      const slot = crew.processes.findIndex((process) => process.pid === pid);
      if (slot < 0) throw new Error(`nobody has ${resource} now`);
      return { resource, pid, slot };
    },
    { within: 20_000 },
  );
}

/** Resolves when another process has it. */
async function replaced({ observer }: Scene, { resource, pid }: Holder): Promise<void> {
  const isReplaced = async () => {
    const other = pidOf((await observer.inspect(resource)).holder);
    return other > 0 && other !== pid;
  };
  await eventually(isReplaced, { within: 20_000 });
}

/** It is a part of what a holder is called. */
function pidOf(holder = ''): number {
  return Number(/-(\d+)-[^-]*$/.exec(holder)?.[1] ?? 0);
}
