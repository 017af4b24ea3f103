import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Crew } from '../support/locks/crew.js';
import { byUrl, door, standInLine } from '../support/locks/doorway.js';
import { expectOneByOne } from '../support/locks/expect-one-by-one.js';
import { now } from '../support/locks/notebook.js';
import { ownName, type StandaloneView, sharedStandalone } from '../support/shared-topologies.js';

const ttl = 1_000;
/** On a machine that lets nobody run for seconds. */
const soon = 10_000;

let crew: Crew;
let redis: StandaloneView;
beforeAll(async () => {
  [crew, redis] = await Promise.all([Crew.start(3), sharedStandalone()]);
});
afterAll(() => crew?.[Symbol.asyncDispose]());

beforeEach(() => crew.open({ locksBy: byUrl(ownName('killed'), redis.url) }));
afterEach(() => expectOneByOne(crew));

it.each([
  [0, 1, 2],
  [1, 2, 0],
] as const)('of a holder that is killed its lock is had after its TTL, in turn: %i, %i, %i', async (holder, next, last) => {
  const { fence, second, third } = await standInLine(crew, [holder, next, last], { ttl });
  const killed = await crew.kill(holder);
  const nextFence = await second;
  const recovery = now() - killed;
  expect(nextFence).toBeGreaterThan(fence);
  expect(recovery).toBeLessThan(ttl + soon);
  console.log(`held by another ${Math.round(recovery)} ms after its holder was killed (ttl ${ttl} ms)`);
  expect(await crew.process(next).ask('giveBack', door)).toBe(true);
  expect(await third).toBeGreaterThan(nextFence ?? 0);
});

it('who is killed while it waits is passed over', async () => {
  const { second, third } = await standInLine(crew, [0, 1, 2], { ttl: '60s' });
  await crew.kill(1);
  await expect(second).rejects.toThrow('the process ended: SIGKILL');
  expect(await crew.process(0).ask('giveBack', door)).toBe(true);
  const from = now();
  expect(await third).toBeGreaterThan(0);
  expect(now() - from).toBeLessThan(soon);
});

it('who is killed when it has been handed the lock, and before it knew, keeps it for a moment and not for its TTL', async () => {
  const { second, third } = await standInLine(crew, [0, 1, 2], { ttl: '60s' });
  crew.process(1).freeze();
  expect(await crew.process(0).ask('giveBack', door)).toBe(true);
  await crew.kill(1);
  await expect(second).rejects.toThrow('the process ended: SIGKILL');
  const from = now();
  expect(await third).toBeGreaterThan(0);
  expect(now() - from).toBeLessThan(soon);
});
