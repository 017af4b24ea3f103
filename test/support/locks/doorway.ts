import type { LockOptions, RedisLocksOptions } from 'tierkeep/locks';
import { eventually } from '../eventually.js';
import type { Crew } from './crew.js';

/** Three processes that want one lock: one has it, and two stand in line for it. */
export interface Doorway {
  /** Of the holder. */
  readonly fence: number;
  /** Their fences, when they have it. */
  readonly second: Promise<number | undefined>;
  readonly third: Promise<number | undefined>;
}

export const door = 'door';

export const byUrl = (name: string, url: string) => (driver: 'ioredis' | 'node-redis') =>
  ({ name, budget: '5s', redis: { url, driver } }) satisfies RedisLocksOptions;

/** Each in its turn, by slot. */
export async function standInLine(
  crew: Crew,
  [holder, next, last]: readonly [number, number, number],
  options: LockOptions,
  resource = door,
): Promise<Doorway> {
  const patient = { wait: '40s', ...options } as const;
  const ask = (slot: number) => crew.process(slot).ask('hold', resource, patient);
  const fence = await ask(holder);
  const second = ask(next);
  await inLine(crew, 1);
  const third = ask(last);
  await inLine(crew, 2);
  // Told by whoever waits for them, and not before.
  for (const waiting of [second, third]) waiting.catch(() => undefined);
  return { fence: fence ?? 0, second, third };
}

async function inLine(crew: Crew, count: number): Promise<void> {
  await eventually(async () => (await crew.attempts()).filter(({ queued }) => queued !== undefined).length === count, {
    within: 20_000,
  });
}
