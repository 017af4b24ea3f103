import { redisLocks } from 'tierkeep/locks';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { eventually } from '../eventually.js';
import { ownName } from '../shared-topologies.js';
import { Crew } from './crew.js';
import { standInLine } from './doorway.js';
import { deafen, type FailOverSite, letBeHeard, passedOn, type Victim } from './fail-over-site.js';
import { judge, shownPair } from './judge.js';
import { holdsSoFar } from './lock-history.js';
import { now } from './notebook.js';

/** It is renewed every 20 s: whoever notices sooner that it is lost was told by the change of servers. */
const ttl = 60_000;
const soon = 15_000;

/**
 * A master is replaced while somebody holds a lock and others wait for it. If the new one never heard of the lock two may hold it for a moment. But the
 * first is told, who waits goes on by itself, and fences tell them apart.
 */
export function failOverSuite(start: () => Promise<FailOverSite>): void {
  let site: FailOverSite;
  let crew: Crew;
  let name: string;
  beforeAll(async () => {
    [crew, site] = await Promise.all([Crew.start(3), start()]);
  });
  afterAll(async () => {
    await crew?.[Symbol.asyncDispose]();
    await site?.stop();
  });
  beforeEach(async () => {
    name = ownName('fail-over');
    await crew.open({ locksBy: (driver) => ({ name, budget: '1s', ...site.locks(driver) }) });
  });
  afterEach(() => crew.close());

  async function expectFencesInOrder(): Promise<void> {
    await crew.stop();
    const { fences } = judge(await crew.attempts(), { patience: Number.POSITIVE_INFINITY, lossy: true });
    expect(fences.map(shownPair)).toEqual([]);
  }

  async function lost(slots: readonly [number, number, number], victim: Victim, strike: () => Promise<unknown>): Promise<void> {
    const [holder, next, last] = slots;
    const { resource } = victim;
    await deafen(site, victim);
    const { fence, second, third } = await standInLine(crew, slots, { ttl }, resource);
    const noticed = crew.process(holder).ask('lost', resource);
    const struck = now();
    // In whichever order: what they stood in was lost as well.
    const winning = Promise.race(
      [second.then((its) => ({ slot: next, its })), third.then((its) => ({ slot: last, its }))].map(async (winner) => ({
        ...(await winner),
        at: now(),
      })),
    );
    await strike();
    await site.replace(victim);
    const replaced = now();
    const winner = await winning;
    const { at, message } = await noticed;
    const after = (moment: number) => `${Math.round(moment - struck)} ms`;
    console.log(`replaced after ${after(replaced)}, had by another after ${after(winner.at)}, noticed after ${after(at)}`);
    expect(winner.its).toBeGreaterThan(fence);
    expect(winner.at - replaced).toBeLessThan(soon);
    expect(at - replaced).toBeLessThan(soon);
    expect(message).toMatch(/somebody else has it, or Redis has lost it/);
    expect(await crew.process(holder).ask('giveBack', resource)).toBe(false);
    expect(await crew.process(winner.slot).ask('isHeld', resource)).toBe(true);
    expect(await crew.process(winner.slot).ask('giveBack', resource)).toBe(true);
    expect(await (winner.slot === next ? third : second)).toBeGreaterThan(winner.its ?? 0);
    await expectFencesInOrder();
  }

  it('a master that lives is replaced by one that never heard of the lock', async () => {
    const victim = await site.victim();
    await lost([0, 1, 2], victim, async () => undefined);
    await letBeHeard(site, victim);
    await site.healthy();
  });

  it('a master dies, and the new one has the lock: nobody loses it, nor its place in line', async () => {
    const victim = await site.victim();
    const { resource } = victim;
    const { fence, second, third } = await standInLine(crew, [1, 0, 2], { ttl }, resource);
    await passedOn(site, victim);
    await site.kill(victim.master);
    await site.replace(victim);
    await using observer = redisLocks({ name, budget: '1s', ...site.locks('ioredis') });
    const known = await eventually(() => observer.inspect(resource), { within: 20_000 });
    expect(known).toMatchObject({ fencingToken: fence, waiting: 2 });
    expect(await eventually(() => crew.process(1).ask('giveBack', resource), { within: 20_000 })).toBe(true);
    const secondFence = await second;
    expect(secondFence).toBeGreaterThan(fence);
    expect(await crew.process(0).ask('giveBack', resource)).toBe(true);
    expect(await third).toBeGreaterThan(secondFence ?? 0);
    await expectFencesInOrder();
    await site.restart(victim.master);
  });

  it.each([
    [0, 1, 2],
    [1, 2, 0],
  ] as const)('a master dies, and the new one never heard of the lock: %i, %i, %i', async (...slots) => {
    await site.healthy();
    const victim = await site.victim();
    await lost(slots, victim, () => site.kill(victim.master));
  });

  it('a master dies while many take locks and give them back: two may hold one for less than a TTL, and nobody is forgotten', async () => {
    await site.healthy();
    const victim = await site.victim();
    await deafen(site, victim);
    const seed = Date.now() % 1_000_000;
    const resources = [victim.resource, 'brief 0', 'brief 1'];
    const briefTtl = 1_000;
    const more = async (count: number) => {
      const enough = (await holdsSoFar(crew, victim.resource)) + count;
      await eventually(async () => (await holdsSoFar(crew, victim.resource)) >= enough, { within: 30_000, every: 100 });
    };
    await crew.go({ seed, ttl: briefTtl, jobs: [{ resources, callers: 5, steps: 3, stepMs: 2 }] });
    await more(50);
    await site.kill(victim.master);
    await site.replace(victim);
    await more(50);
    await crew.stop();
    const verdict = judge(await crew.attempts(), { patience: briefTtl + soon, lossy: true });
    const { attempts, holds, overlaps, fences, idle } = verdict;
    const shown = { attempts, holds, overlaps: overlaps.map(({ ms }) => Math.round(ms)) };
    console.log(`under load, seed ${seed}: ${JSON.stringify(shown)}`);
    expect(overlaps.filter(({ ms }) => ms >= briefTtl).map(shownPair)).toEqual([]);
    expect(fences.map(shownPair)).toEqual([]);
    expect(idle).toEqual([]);
  });
}
