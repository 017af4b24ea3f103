import type { BusOptions } from 'tierkeep';
import { type RedisServer, startRedis } from '../redis-server.js';
import { startProxy, type Proxy as TcpProxy } from '../tcp-proxy.js';
import { allWell, readAtRest, type Versions } from './at-rest.js';
import { Crew } from './crew.js';
import { type FaultName, faults, type Network } from './faults.js';
import { keySpace } from './key-space.js';
import { Member } from './member.js';
import type { ProcessHistory } from './process-history.js';
import { randomFrom } from './random.js';
import { emptyHistory } from './recorder.js';

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

const callers = 3;
const budget = 300;
const leaseMs = 1_000;

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
  #members: readonly Member[];
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
    const history: ProcessHistory = emptyHistory();
    const proxies = await Promise.all(this.#members.map(() => startProxy(this.#redis)));
    const happened: Run['faults'] = {};
    const crew = new Crew(this.#members, {
      lines: proxies,
      optionsFor: (slot, process) => ({
        name: `history-${this.#runs}`,
        process,
        slot,
        seed,
        callers,
        l2: { redis: { url: (proxies[slot] as TcpProxy).url } },
        sourcePort: this.#redis.port,
        bus,
        plainly: bus !== false && bus.mode === 'tracking',
        leaseMs,
        budget,
      }),
      onHistory: (piece) => {
        for (const read of piece.reads) history.reads.push(read);
        for (const told of piece.invalidations) history.invalidations.push(told);
        for (const loaded of piece.loads) history.loads.push(loaded);
      },
    });
    const network: Network = {
      redis: this.#redis,
      random: randomFrom(seed),
      keys: keySpace(),
      bound,
      proxies,
      killLoading: (slot, key) => crew.killLoading(slot, key),
    };

    try {
      await crew.begin();
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
      await crew.whole();
      return { history, faults: happened, ...(await endWell(crew, proxies, bus === false ? 0 : 15_000)) };
    } finally {
      this.#members = crew.members;
      await Promise.all(proxies.map((proxy) => proxy.close()));
    }
  }
}

/** Lets the programs end and everything recover, then looks at what rests. */
async function endWell(
  { members }: Crew,
  proxies: readonly TcpProxy[],
  patience: number,
): Promise<Pick<Run, 'atRest' | 'trustLost'>> {
  for (const proxy of proxies) proxy.resume();
  await Promise.all(members.map((member) => member.ask('stop')));
  const states = await allWell(() => members);
  const trustLost = states.reduce((sum, { bus }) => sum + (bus?.trustLost ?? 0), 0);
  const atRest = await readAtRest(members, patience);
  await Promise.all(members.map((member) => member.ask('close')));
  return { atRest, trustLost };
}
