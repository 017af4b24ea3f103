import type { BusOptions } from 'tierkeep';
import { eventually } from '../eventually.js';
import { type RedisServer, startRedis } from '../redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../tcp-proxy.js';
import { type FaultName, faults, type Network } from './faults.js';
import { Member } from './member.js';
import type { ProcessHistory } from './process-history.js';
import { randomFrom } from './random.js';
import type { RunOptions } from './worker.js';

export interface RunSettings {
  readonly seed: number;
  readonly seconds: number;
  /** Of the caches. */
  readonly bus: BusOptions | false;
  /** What the history will be judged by, ms. */
  readonly bound: number;
  readonly faults: readonly FaultName[];
  /** Which goes on at the same time. Default 2. */
  readonly faultsAtOnce?: number;
}

export interface Run {
  readonly history: ProcessHistory;
  readonly faults: Partial<Record<FaultName, number>>;
  /** After all faults, and after a last invalidation of every key: what each process reads, and what is true. */
  readonly atRest: { readonly read: readonly Versions[]; readonly newest: Versions };
  readonly trustLost: number;
}

type Versions = readonly (readonly [key: string, version: number])[];

const callers = 3;
const budget = 300;
const leaseMs = 1_000;
/** How long after a process has ended one of its commands may still be executed, with room to spare. */
const lateAfterDeath = 1_500;

/** Real processes over one real Redis, each with a network of its own between. They serve several runs, one after another. */
export async function startTeam(size = 4): Promise<Team> {
  const redis = await startRedis();
  try {
    return new Team(redis, await Promise.all(Array.from({ length: size }, () => Member.start())));
  } catch (error) {
    await redis.stop();
    throw error;
  }
}

export class Team {
  readonly #redis: RedisServer;
  readonly #members: Member[];
  #runs = 0;

  constructor(redis: RedisServer, members: Member[]) {
    this.#redis = redis;
    this.#members = members;
  }

  get size(): number {
    return this.#members.length;
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.kill()));
    await this.#redis.stop();
  }

  async run(settings: RunSettings): Promise<Run> {
    const { seed, seconds, bus, bound, faults: wanted, faultsAtOnce = 2 } = settings;
    this.#runs += 1;
    await this.#redis.cli('FLUSHALL');
    const history: ProcessHistory = { reads: [], invalidations: [], loads: [] };
    const proxies = await Promise.all(this.#members.map(() => startProxy(this.#redis)));
    const revivals: Promise<void>[] = [];
    const dead = new Set<number>();
    const happened: Run['faults'] = {};
    let generation = 0;

    const begin = async (slot: number) => {
      const member = this.#members[slot] as Member;
      member.onHistory = (piece) => {
        for (const read of piece.reads) history.reads.push(read);
        for (const told of piece.invalidations) history.invalidations.push(told);
        for (const loaded of piece.loads) history.loads.push(loaded);
      };
      generation += 1;
      await member.ask('start', {
        name: `history-${this.#runs}`,
        process: `P${slot}.${generation}`,
        slot,
        seed,
        callers,
        redisUrl: (proxies[slot] as TcpProxy).url,
        sourcePort: this.#redis.port,
        bus,
        leaseMs,
        budget,
      } satisfies RunOptions);
    };
    const revive = async (slot: number) => {
      const [member] = await Promise.all([Member.start(), new Promise((resolve) => setTimeout(resolve, lateAfterDeath))]);
      this.#members[slot] = member;
      await begin(slot);
      dead.delete(slot);
    };
    const network: Network = {
      redis: this.#redis,
      random: randomFrom(seed),
      bound,
      proxies,
      killLoading: async (slot, key) => {
        if (dead.size > 0) return false;
        dead.add(slot);
        const member = this.#members[slot] as Member;
        await Promise.race([member.ask('hang', key), new Promise((resolve) => setTimeout(resolve, 5_000))]);
        await member.kill();
        // What it sent and was held back dies with it.
        proxies[slot]?.cut();
        revivals.push(revive(slot));
        return true;
      },
    };

    try {
      await Promise.all(proxies.map((_, slot) => begin(slot)));
      const until = performance.now() + seconds * 1_000;
      const trouble = async () => {
        let left: FaultName[] = [];
        while (performance.now() < until) {
          await new Promise((resolve) => setTimeout(resolve, 50 + network.random.below(250)));
          if (wanted.length === 0) continue;
          // Each of them once before any of them twice.
          if (left.length === 0) left = [...wanted];
          const [name] = left.splice(network.random.below(left.length), 1) as [FaultName];
          if ((await faults[name](network)) === false) continue;
          happened[name] = (happened[name] ?? 0) + 1;
        }
      };
      await Promise.all(Array.from({ length: faultsAtOnce }, trouble));
      await Promise.all(revivals);
      return { history, faults: happened, ...(await this.#endWell(proxies, bus === false ? 0 : 15_000)) };
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    }
  }

  /** Lets the programs end and everything recover, then looks at what rests. */
  async #endWell(proxies: readonly TcpProxy[], patience: number): Promise<Pick<Run, 'atRest' | 'trustLost'>> {
    const members = this.#members;
    for (const proxy of proxies) proxy.resume();
    await Promise.all(members.map((member) => member.ask('stop')));
    const states = await eventually(
      async () => {
        const all = await Promise.all(members.map((member) => member.ask('state')));
        if (!all.every(({ well }) => well)) throw new Error('not every process is well again');
        return all;
      },
      { within: 30_000, every: 50 },
    );
    const trustLost = states.reduce((sum, { bus }) => sum + (bus?.trustLost ?? 0), 0);
    const readAll = () => Promise.all(members.map((member) => member.ask('read')));
    await readAll();
    await eventually(() => (members[0] as Member).ask('renew'), { within: 15_000 });
    const newest = await (members[0] as Member).ask('newest');
    // On a healthy bus at once, else as soon as trust ends; never if a stale value rests anywhere.
    const allRead = eventually(
      async () => {
        const all = await readAll();
        if (all.some((versions) => JSON.stringify(versions) !== JSON.stringify(newest)))
          throw new Error('not the newest everywhere');
        return all;
      },
      { within: patience, every: 100 },
    );
    const read = await allRead.catch(readAll);
    await Promise.all(members.map((member) => member.ask('close')));
    return { atRest: { read, newest }, trustLost };
  }
}
