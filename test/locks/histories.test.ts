import { type RedisLocksOptions, redisLocks } from 'tierkeep/locks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { randomFrom } from '../support/histories/random.js';
import { isHold } from '../support/locks/attempt.js';
import { Crew } from '../support/locks/crew.js';
import { type FaultName, type Scene, strike } from '../support/locks/faults.js';
import { shownPair, type Verdict } from '../support/locks/judge.js';
import { type HistorySettings, lockHistory } from '../support/locks/lock-history.js';
import type { ProgramOptions } from '../support/locks/program.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { ownName, sharedCluster, sharedSentinel, sharedStandalone } from '../support/shared-topologies.js';

/** `HISTORY_SECONDS=120 npx vitest run test/locks/histories.test.ts` for a long one; `HISTORY_SEED` for the same programs and faults. */
const times = Math.max(1, Math.round(Number(process.env.HISTORY_SECONDS ?? 6) / 6));
const seed = Number(process.env.HISTORY_SEED ?? Date.now() % 1_000_000);
const size = 3;
const ttl = 500;
const timeout = 120_000 * times;

const programOf = (lasting: number): ProgramOptions => ({
  seed,
  ttl: lasting,
  jobs: [
    { resources: ['brief 0', 'brief 1'], callers: 3, steps: 3, stepMs: 1 },
    { resources: ['long 0', 'long 1'], callers: 2, steps: lasting / 6, stepMs: 10 },
  ],
});

let crew: Crew;
let redis: RedisServer;
beforeAll(async () => {
  [crew, redis] = await Promise.all([Crew.start(size), startRedis()]);
});
afterAll(async () => {
  await crew?.[Symbol.asyncDispose]();
  await redis?.stop();
});

async function judged(what: string, settings: HistorySettings): Promise<Verdict> {
  const { verdict, attempts } = await lockHistory(crew, settings);
  const counts = Object.entries(verdict).map(([name, of]) => [name, typeof of === 'number' ? of : of.length]);
  const failed = attempts.filter(({ how }) => how === 'failed').length;
  console.log(`${what}, seed ${seed}: ${JSON.stringify({ ...Object.fromEntries(counts), failed })}`);
  return verdict;
}

function expectSafe({ overlaps, fences, idle }: Omit<Verdict, 'overtaken'>): void {
  expect(overlaps.slice(0, 3).map(shownPair)).toEqual([]);
  expect(fences.slice(0, 3).map(shownPair)).toEqual([]);
  expect(idle.slice(0, 3)).toEqual([]);
}

describe('several processes and both clients, in peace: one holder at a time, in the order in which they asked', () => {
  interface Place {
    readonly locks: (driver: 'ioredis' | 'node-redis') => RedisLocksOptions;
    /** Of all masters: which channels are subscribed to. */
    readonly channels: (pattern: string) => Promise<string[]>;
  }
  const places: Record<string, () => Promise<Place>> = {
    async standalone() {
      const { url, cli } = await sharedStandalone();
      return { locks: (driver) => ({ redis: { url, driver } }), channels: async (of) => [await cli('PUBSUB', 'CHANNELS', of)] };
    },
    async sentinel() {
      const { masterName: name, sentinels, master, cli } = await sharedSentinel();
      return {
        locks: (driver) => ({ sentinel: { name, sentinels, driver } }),
        channels: async (of) => [await cli(await master(), 'PUBSUB', 'CHANNELS', of)],
      };
    },
    async cluster() {
      const { addresses, masters, cli } = await sharedCluster();
      return {
        locks: (driver) => ({ cluster: { nodes: addresses, driver } }),
        channels: async (of) => Promise.all((await masters()).map(({ port }) => cli(port, 'PUBSUB', 'CHANNELS', of))),
      };
    },
  };

  it.each(Object.keys(places))('%s', { timeout }, async (kind) => {
    const { locks, channels } = await (places[kind] as () => Promise<Place>)();
    const name = ownName('locks');
    const verdict = await judged(kind, {
      locksBy: (driver) => ({ name, budget: '5s', ...locks(driver) }),
      ready: () =>
        eventually(async () => (await channels(`${name}:*`)).every((heard) => heard.trim().split('\n').length === size), {
          within: 20_000,
        }),
      during: async () => {
        const isEnough = async () => {
          const holds = (await crew.attempts()).filter(isHold);
          return holds.length >= 500 * times && holds.filter(({ how }) => how === 'lost').length >= 2;
        };
        await eventually(isEnough, { within: timeout / 2, every: 100 });
        return {};
      },
      // Half of them are not renewed, so that some end while somebody works on.
      program: programOf(250),
      judgement: { patience: 3_000 },
    });
    expectSafe(verdict);
    expect(verdict.overtaken.slice(0, 3).map(shownPair)).toEqual([]);
  });
});

describe('several processes and both clients on one Redis, under faults', () => {
  /** Whoever is killed or frozen keeps its lock for a TTL, whoever is handed one and does not come for it a second, and some connections are made anew. */
  const patience = ttl + 5_000;

  async function under(what: string, faults: readonly FaultName[], settings: Partial<HistorySettings> = {}): Promise<Verdict> {
    const name = ownName('locks');
    await using observer = redisLocks({ name, redis: { url: redis.url }, budget: '10s' });
    const scene: Scene = { redis, crew, observer, ttl, random: randomFrom(seed), long: ['long 0', 'long 1'] };
    return await judged(what, {
      locksBy: (driver) => ({ name, budget: ttl, redis: { url: redis.url, driver } }),
      during: async () => {
        const spans = await strike(scene, faults);
        return { away: spans.filter((_, index) => faults[index]?.startsWith('Redis')) };
      },
      program: programOf(ttl),
      judgement: { patience },
      ...settings,
    });
  }

  it('as long as it keeps its data, no two hold a lock at one time', { timeout }, async () => {
    const faults: FaultName[] = [
      'a holder is frozen past its TTL',
      'all connections are cut',
      'the subscribers are cut',
      'a holder is killed',
      'Redis is frozen past the TTL',
      'the connections for commands are cut',
      'a holder is frozen past its TTL',
    ];
    const verdict = await under('faults', Array.from({ length: times }, () => faults).flat());
    expectSafe(verdict);
    expect(verdict.holds).toBeGreaterThan(100);
    expect(verdict.lost).toBeGreaterThan(0);
  });

  it('two do when holders do not look whether they still are, and the judge finds it', { timeout }, async () => {
    const verdict = await under('unchecked', ['a holder is frozen past its TTL', 'a holder is frozen past its TTL'], {
      checks: false,
    });
    expect(verdict.overlaps).not.toEqual([]);
  });

  it('two may when it comes back empty, for less than a TTL, and fences grow all the same', { timeout }, async () => {
    const { overlaps, ...verdict } = await under(
      'emptied',
      ['Redis comes back empty', 'Redis comes back empty', 'Redis comes back empty'],
      {
        judgement: { patience, lossy: true },
      },
    );
    expectSafe({ ...verdict, overlaps: overlaps.filter(({ ms }) => ms >= ttl) });
  });
});

it('whose locks are closed ends by itself', { timeout }, async () => {
  await crew.leave();
});
