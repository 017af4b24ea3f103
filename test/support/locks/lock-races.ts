import type { Lock } from '../../../src/lock.js';
import { LockWorld, type WorldOptions } from './lock-world.js';
import type { LockProcess } from './simulated-process.js';
import type { LockMechanisms, SimulatedServer } from './simulated-server.js';

/** A race of two processes that is lost with the mechanism in question taken out. Resolves to what came of it. */
export interface LockRace {
  readonly name: string;
  readonly without: LockMechanisms;
  readonly expected: string;
  run(without: LockMechanisms): Promise<string>;
}

const lost = Number.POSITIVE_INFINITY;
const anHour = 3_600_000;

/** Two processes, and what they do one after the other. */
class Pair {
  readonly world: LockWorld;
  readonly first: LockProcess;
  readonly second: LockProcess;

  constructor(options: Omit<WorldOptions, 'processes'>, without: LockMechanisms) {
    this.world = new LockWorld({ ...options, processes: 2 }, without);
    [this.first, this.second] = this.world.processes as readonly [LockProcess, LockProcess];
  }

  server(index: number): SimulatedServer {
    return this.world.servers[index] as SimulatedServer;
  }

  take(process: LockProcess, ttl = 6_000): Promise<Lock> {
    return this.world.outcome(process.locks.acquire('door', { ttl, wait: 60_000, autoRenew: false }));
  }

  async until(moment: number): Promise<void> {
    await this.world.outcome(this.first.pause(moment - this.world.timeline.now));
  }

  async tryBySecond(): Promise<'free' | 'kept for nobody'> {
    const lock = await this.world.outcome(this.second.locks.tryAcquire('door'));
    return lock === undefined ? 'kept for nobody' : 'free';
  }
}

function order(earlier: Lock, later: Lock): 'higher' | 'not higher' {
  return later.fencingToken > earlier.fencingToken ? 'higher' : 'not higher';
}

/** The third server is away, and each process reaches another of the two first. */
async function eachHasAPart(without: LockMechanisms): Promise<string> {
  const pair = new Pair({ servers: 3, transit: ({ process, server }) => (process === server ? 1 : 3 + process) }, without);
  pair.server(2).state = 'silent';
  const passed: string[] = [];
  const passThrough = async (process: LockProcess, name: string) => {
    const lock = await process.locks.acquire('door', { wait: 1_000 });
    passed.push(name);
    await lock.release();
  };
  await pair.world.outcome(Promise.allSettled([passThrough(pair.first, 'first'), passThrough(pair.second, 'second')]));
  return passed.join(', ');
}

/** The only request of the first is on its way for so long, and nobody wants its outcome any more when it comes. */
async function lateRequest(without: LockMechanisms, ms: number, cutAt = lost): Promise<string> {
  const transit: WorldOptions['transit'] = ({ operation, process }) => (operation === 'ask' && process === 0 ? ms : 1);
  const pair = new Pair({ servers: 1, transit }, without);
  if (cutAt < lost) pair.world.timeline.schedule(cutAt, () => pair.first.nodes[0]?.cut());
  await pair.world.outcome(pair.first.locks.tryAcquire('door').catch(() => undefined));
  await pair.until(1_500);
  return pair.tryBySecond();
}

/** As it is told that it is next, its connection is cut; it asks by another, and what it asked by the first is carried out last. */
async function askedTwice(without: LockMechanisms): Promise<string> {
  let asked = 0;
  const transit: WorldOptions['transit'] = ({ operation, way, process }) => {
    if (operation === 'ask' && way === 'request' && process === 0) asked += 1;
    return operation === 'ask' && way === 'request' && process === 0 && asked === 2 ? 300 : 1;
  };
  const pair = new Pair({ servers: 1, transit }, without);
  const earlier = await pair.take(pair.second);
  const waiting = pair.first.locks.acquire('door', { ttl: 6_000 });
  await pair.until(100);
  const released = pair.world.outcome(earlier.release());
  pair.world.timeline.schedule(10, () => pair.first.nodes[0]?.cut());
  await released;
  const lock = await pair.world.outcome(waiting);
  await pair.world.outcome(lock.release());
  await pair.until(1_500);
  return pair.tryBySecond();
}

export const lockRaces: readonly LockRace[] = [
  {
    name: 'two that were each given a part of the servers: who has waited longest gets all',
    without: { givingWay: 'off' },
    expected: 'first, second',
    run: eachHasAPart,
  },
  {
    name: 'two that were each given a part, and servers that know them by tickets of their own',
    without: { oneTicket: 'off' },
    expected: 'first, second',
    run: eachHasAPart,
  },
  {
    name: 'a request that is carried out when its caller has long given up',
    without: { deadline: 'off' },
    expected: 'free',
    run: (without) => lateRequest(without, 900),
  },
  {
    name: 'a request that is carried out after the lock that it may have taken was given back',
    without: { leftAgain: 'off' },
    expected: 'free',
    run: (without) => lateRequest(without, 300, 10),
  },
  {
    name: 'a request of somebody who waits that is carried out after he has asked again, had the lock, and given it back',
    without: { leftAgain: 'off' },
    expected: 'free',
    run: askedTwice,
  },
  {
    name: 'a fence that only one server of the next majority knows',
    without: { writeBack: 'off' },
    expected: 'higher',
    async run(without) {
      const pair = new Pair({ servers: 3 }, without);
      pair.server(2).time.ahead = anHour;
      pair.server(1).state = 'silent';
      const earlier = await pair.take(pair.first);
      await pair.world.outcome(earlier.release());
      pair.server(1).state = 'up';
      pair.server(2).state = 'silent';
      return order(earlier, await pair.take(pair.second));
    },
  },
  {
    name: 'a server that comes back empty, with a clock that is behind',
    without: { floor: 'off' },
    expected: 'higher',
    async run(without) {
      const pair = new Pair({ servers: 1 }, without);
      const earlier = await pair.take(pair.first);
      await pair.world.outcome(earlier.release());
      pair.server(0).restartEmpty();
      pair.server(0).time.ahead = -anHour;
      return order(earlier, await pair.take(pair.first));
    },
  },
  {
    name: 'a server whose clock is 1 % fast',
    without: { allowance: 'off' },
    expected: 'one',
    async run(without) {
      const pair = new Pair({ servers: 1, rates: [1.01] }, without);
      const earlier = await pair.take(pair.first);
      const later = await pair.take(pair.second);
      return earlier.isHeld && later.isHeld ? 'two' : 'one';
    },
  },
];
