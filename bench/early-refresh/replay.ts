import type { GetOrSetOptions, TieredCache } from 'tierkeep';
import type { FakeClock } from 'tierkeep/testing';
import { settled, simulatedProcess, world } from '../../test/support/simulated-process.js';
import { type Request, seeded } from './trace.js';

export interface ReplayOptions {
  readonly seed: number;
  /** ms */
  readonly length: number;
  readonly processes: number;
  /** Whether there is an L2 for all of them and a bus, or each has its memory alone. */
  readonly tiers: 'memory' | 'memory and L2';
  /** A factory takes a time of these by chance, ms. */
  readonly cost: readonly [least: number, most: number];
  /** ms */
  readonly ttl: number;
  readonly policy: Pick<GetOrSetOptions, 'swr' | 'earlyRefresh'>;
}

/** What happened at a moment, ms since the beginning. */
export interface Course {
  readonly factoryCalls: number[];
  /** Reads whose caller waited for a factory, its own or somebody else's: when they were answered. */
  readonly blocked: number[];
  /** Reads that were answered with a value whose TTL was over. */
  readonly stale: number[];
}

/**
 * Real caches answer the requests in virtual time. It stands still while they compute, and a round trip to L2 takes none of it: whoever
 * had to wait at all waited for a factory.
 */
export async function replay(requests: readonly Request[], options: ReplayOptions): Promise<Course> {
  const { seed, length, processes, tiers, cost, ttl, policy } = options;
  const [least, most] = cost;
  const { clock, process } = world();
  const begin = clock.now();
  const eventful = noteTimers(clock, length);
  const course = { factoryCalls: [] as number[], blocked: [] as number[], stale: [] as number[] };

  const caches = Array.from({ length: processes }, (_, index) => {
    const random = seeded(seed + index + 1);
    if (tiers === 'memory') return simulatedProcess(clock, undefined, { random }).cache;
    return process(`p${index}`, { random, bus: 'on' }).cache;
  });

  const durations = seeded(seed);
  const factory = () => {
    course.factoryCalls.push(clock.now() - begin);
    return new Promise<{ freshUntil: number }>((resolve) => {
      const done = () => resolve({ freshUntil: clock.now() + ttl });
      clock.schedule(Math.round(least + (most - least) * durations()), done);
    });
  };
  const ask = async ({ at, key, process }: Request) => {
    const value = await (caches[process] as TieredCache).getOrSet(key, factory, { ttl, ...policy });
    const now = clock.now();
    if (now - begin > at) course.blocked.push(now - begin);
    if (value.freshUntil <= now) course.stale.push(now - begin);
  };

  await settled();
  const failures: unknown[] = [];
  let next = 0;
  for (let moment = 0; moment < length; moment++) {
    const isDue = eventful[moment] === 1;
    if (!isDue && requests[next]?.at !== moment) continue;
    clock.advance(moment - (clock.now() - begin));
    if (isDue) await settled();
    for (let request = requests[next]; request?.at === moment; request = requests[++next]) {
      ask(request).catch((error: unknown) => failures.push(error));
    }
    await settled();
  }
  // Closing turns away those who still wait; they are no part of it.
  const failed = [...failures];
  await close(caches, () => clock.advance(1_000));
  if (failed.length > 0) throw new AggregateError(failed, `${failed.length} reads failed`);
  return course;
}

/**
 * Marks the milliseconds in which a timer ends. Time may skip the others, and stops at these, so that what a timer leads to happens at its
 * time. Timers end on whole milliseconds, or the sums of their fractions would be off by a hair.
 */
function noteTimers(clock: FakeClock, length: number): Uint8Array {
  const eventful = new Uint8Array(length);
  const schedule = clock.schedule.bind(clock);
  clock.schedule = (ms, task, awaited) => {
    const whole = Math.ceil(ms);
    eventful[clock.monotonic() + whole] = 1;
    return schedule(whole, task, awaited);
  };
  return eventful;
}

async function close(caches: readonly TieredCache[], advance: () => void): Promise<void> {
  let closed = false;
  const closing = Promise.all(caches.map((cache) => cache.close())).finally(() => {
    closed = true;
  });
  for (await settled(); !closed; await settled()) advance();
  await closing;
}
