import { redisLocks } from 'tierkeep/locks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Crew } from '../support/locks/crew.js';
import { byUrl, door, standInLine } from '../support/locks/doorway.js';
import { expectOneByOne } from '../support/locks/expect-one-by-one.js';
import { now } from '../support/locks/notebook.js';
import { ownName, type StandaloneView, sharedStandalone } from '../support/shared-topologies.js';

const ttl = 2_000;

let crew: Crew;
let redis: StandaloneView;
beforeAll(async () => {
  [crew, redis] = await Promise.all([Crew.start(3), sharedStandalone()]);
});
afterAll(() => crew?.[Symbol.asyncDispose]());

let name: string;
beforeEach(async () => {
  name = ownName('frozen');
  await crew.open({ locksBy: byUrl(name, redis.url) });
});
afterEach(() => expectOneByOne(crew));

const lastHeld = async () => Math.max(...(await crew.attempts()).map(({ held = 0 }) => held));
const state = async () => {
  await using observer = redisLocks(byUrl(name, redis.url)('ioredis'));
  return await observer.inspect(door);
};

describe('a holder that is frozen past its TTL', () => {
  it('in the middle of its work knows at its next look that it holds the lock no more', async () => {
    const { fence, second } = await standInLine(crew, [0, 1, 2], { ttl });
    const holder = crew.process(0);
    const from = now();
    const staring = holder.ask('stare', door, 30_000);
    await eventually(async () => (await lastHeld()) > from);
    const frozen = holder.freeze();
    const nextFence = await second;
    const thawed = holder.thaw();
    const looks = await staring;
    expect(nextFence).toBeGreaterThan(fence);
    expect(looks.at(-1)?.at).toBeGreaterThan(frozen - 100);
    expect(looks.filter(({ at, isHeld }) => isHeld && at >= thawed)).toEqual([]);
    expect(looks.at(-1)?.isHeld).toBe(false);
  });

  it('gives back too late, and takes the lock from nobody', async () => {
    const { second, third } = await standInLine(crew, [1, 0, 2], { ttl });
    const holder = crew.process(1);
    holder.freeze();
    // Asked as it is frozen: answered by the first of its own that runs.
    const isHeld = holder.ask('isHeld', door);
    const lost = holder.ask('lost', door);
    const fence = await second;
    const thawed = holder.thaw();
    expect(await isHeld).toBe(false);
    const { at, message } = await lost;
    expect(at).toBeGreaterThanOrEqual(thawed);
    expect(message).toMatch(/LockLostError: The lock 'door' was lost: its life ended before it was renewed/);
    expect(await holder.ask('giveBack', door)).toBe(false);
    expect(await state()).toMatchObject({ fencingToken: fence, waiting: 1 });
    expect(await crew.process(0).ask('isHeld', door)).toBe(true);
    expect(await crew.process(0).ask('giveBack', door)).toBe(true);
    expect(await third).toBeGreaterThan(fence ?? 0);
  });
});

it('a holder that is frozen for less than its TTL holds it on', async () => {
  const fence = await crew.process(1).ask('hold', door, { ttl: '60s' });
  crew.process(1).freeze();
  const isHeld = crew.process(1).ask('isHeld', door);
  expect(await crew.process(0).ask('hold', door, { wait: 200 })).toBeUndefined();
  crew.process(1).thaw();
  expect(await isHeld).toBe(true);
  expect(await state()).toMatchObject({ fencingToken: fence });
  expect(await crew.process(1).ask('giveBack', door)).toBe(true);
});

it('who is frozen as its turn comes loses it to the next one, and has it after that', async () => {
  const { second, third } = await standInLine(crew, [0, 1, 2], { ttl: '60s' });
  const frozen = crew.process(1);
  frozen.freeze();
  expect(await crew.process(0).ask('giveBack', door)).toBe(true);
  const fence = await third;
  frozen.thaw();
  // It is told now what came for it meanwhile, and asks.
  await eventually(async () => (await state()).waiting === 1);
  expect(await crew.process(2).ask('isHeld', door)).toBe(true);
  expect(await state()).toMatchObject({ fencingToken: fence });
  expect(await crew.process(2).ask('giveBack', door)).toBe(true);
  expect(await second).toBeGreaterThan(fence ?? 0);
});
