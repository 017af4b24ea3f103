import { expect, it } from 'vitest';
import { byTheSameChances, LockWorld, type WorldOptions } from '../support/locks/lock-world.js';
import type { LockProcess } from '../support/locks/simulated-process.js';

const lost = Number.POSITIVE_INFINITY;

interface Course {
  readonly servers: number;
  /** How long what the first process sends is on its way, by operation and server, in the order in which it is sent. */
  readonly late: Readonly<Record<string, readonly number[]>>;
  /** How long the lock of the first process is to live. */
  readonly ttl: number;
  readonly budget: number;
  /** When the second process has the lock in between. */
  readonly between: number;
}

/** Two processes pass through one after the other, and their fences are in that order. */
async function passInOrder({ servers, late, ttl, budget, between }: Course): Promise<void> {
  const left = new Map(Object.entries(late).map(([what, delays]) => [what, [...delays]]));
  const transit: WorldOptions['transit'] = ({ operation, way, process, server }) => {
    if (process === 1 || way !== 'request') return 1;
    return left.get(`${operation} ${server}`)?.shift() ?? 1;
  };
  const world = new LockWorld({ servers, processes: 2, transit });
  const [first, second] = world.processes as readonly [LockProcess, LockProcess];
  const fences: number[] = [];
  const pass = async (process: LockProcess, after: number, options: { readonly ttl: number; readonly budget?: number }) => {
    await process.pause(after);
    const lock = await process.locks.acquire('door', options);
    fences.push(lock.fencingToken);
    await lock.release();
  };
  const all = [pass(first, 0, { ttl, budget }), pass(second, between, { ttl: 6_000 })];
  await byTheSameChances(() => world.outcome(Promise.all(all)));
  expect(fences).toEqual(fences.toSorted((one, other) => one - other));
}

it('what was given provisionally is not confirmed when it may have been somebody else’s in between', () =>
  passInOrder({
    servers: 3,
    late: { 'ask 0': [600], 'ask 1': [1_050], 'confirm 1': [500], 'confirm 2': [600] },
    ttl: 6_000,
    budget: 3_000,
    between: 1_002,
  }));

it('nor is it when an earlier confirmation, which only one server heard, ends in between', () =>
  passInOrder({
    servers: 5,
    late: {
      ...{ 'ask 0': [1, 590], 'ask 3': [lost, 798], 'ask 4': [lost, lost] },
      ...{ 'confirm 0': [lost], 'confirm 1': [890, lost], 'confirm 2': [lost] },
      ...{ 'confirm 3': [lost, 217], 'confirm 4': [lost, lost] },
    },
    ttl: 800,
    budget: 900,
    between: 1_693,
  }));
