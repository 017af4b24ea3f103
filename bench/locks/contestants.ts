import { randomUUID } from 'node:crypto';
import { type Locks, redisLocks, redlock } from 'tierkeep/locks';
import { type Driver, rawLock } from './raw-lock.js';

/** One way to have a lock after the other. */
export interface Contestant {
  /** Takes the lock, however long that takes, and resolves to what gives it back. `waiting` is called when somebody else has it. */
  take(resource: string, waiting?: () => void): Promise<() => Promise<unknown>>;
  close(): Promise<unknown>;
}

/** How it is done, by which client, and over how many servers. */
export interface Entrant {
  readonly way: 'tierkeep' | 'polling';
  readonly driver: Driver;
  readonly servers: 1 | 3;
}

export const entrants: readonly Entrant[] = ([1, 3] as const).flatMap((servers) =>
  (['ioredis', 'node-redis'] as const).flatMap((driver) =>
    (['tierkeep', 'polling'] as const).map((way) => ({ way, driver, servers })),
  ),
);

export function nameOf({ way, driver, servers }: Entrant): string {
  return `${way}, ${driver}${servers === 1 ? '' : `, ${servers} servers`}`;
}

export async function contestant({ way, driver, servers }: Entrant, urls: readonly string[]): Promise<Contestant> {
  const used = urls.slice(0, servers);
  if (way === 'polling') return polling(driver, used);
  const [first = ''] = used;
  return waitingInLine(
    servers === 1
      ? redisLocks({ name: driver, redis: { url: first, driver } })
      : redlock({ name: driver, nodes: used.map((url) => ({ url, driver })) }),
  );
}

/** No round is to end because the machine was busy. */
const patient = { wait: '1m', budget: '10s' } as const;

async function waitingInLine(locks: Locks): Promise<Contestant> {
  const told = new Map<string, () => void>();
  locks.on('lock:contended', ({ resource }) => told.get(resource)?.());
  // The first one connects.
  await locks.use(`warm:${process.pid}`, patient, () => undefined);
  return {
    async take(resource, waiting) {
      if (waiting !== undefined) told.set(resource, waiting);
      const lock = await locks.acquire(resource, patient);
      return () => lock.release();
    },
    close: () => locks.close(),
  };
}

/** As the `redlock` package does it: who does not have the majority gives back what it has, and tries again after 10 ms, give or take a half. */
async function polling(driver: Driver, urls: readonly string[]): Promise<Contestant> {
  const servers = await Promise.all(urls.map((url) => rawLock(driver, url)));
  return {
    async take(resource, waiting) {
      for (let isFirst = true; ; isFirst = false) {
        const token = randomUUID();
        const given = await Promise.all(servers.map((server) => server.set(resource, token)));
        const giveBack = () => Promise.all(servers.map((server) => server.delete(resource, token)));
        if (given.filter(Boolean).length > servers.length / 2) return giveBack;
        if (given.includes(true)) await giveBack();
        if (isFirst) waiting?.();
        await new Promise((resolve) => setTimeout(resolve, 5 + 10 * Math.random()));
      }
    },
    close: async () => {
      for (const server of servers) server.close();
    },
  };
}
