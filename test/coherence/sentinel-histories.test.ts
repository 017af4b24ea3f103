import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type Exercise, startExercise } from '../support/exercise.js';
import { shownViolation } from '../support/histories/process-history.js';
import { parseInfo } from '../support/info.js';
import { type RedisSentinel, startSentinel } from '../support/redis-sentinel.js';

const keys = Array.from({ length: 24 }, (_, index) => `k${index}`);
const maxStaleness = 800;
/** Of an exercise: it writes, loads and reads in two processes. */
const listeners = 4;

let topology: RedisSentinel;
let exercise: Exercise;
beforeAll(async () => {
  // On a busy machine nothing may be replaced by itself: with a master goes what it had not passed on.
  topology = await startSentinel({ downAfter: 10_000 });
  const { masterName: name, sentinels } = topology;
  exercise = await startExercise((driver) => ({ sentinel: { name, sentinels, driver } }), { name: 'shop', keys, maxStaleness });
});
afterAll(async () => {
  await exercise?.[Symbol.asyncDispose]();
  await topology?.stop();
});

const offset = async (port: number, whose: 'master' | 'slave') =>
  Number(parseInfo(await topology.cli(port, 'INFO', 'replication')).get(`${whose}_repl_offset`));
const listenersAt = async (port: number) => Number((await topology.cli(port, 'PUBSUB', 'NUMSUB', 'shop:bus')).split('\n')[1]);

/** The master, when nothing is written and all that it acknowledged is at its replicas: what is not would be lost with it. */
async function calmMaster(): Promise<number> {
  await topology.healthy();
  const master = await topology.master();
  await exercise.pause();
  const passedOn = await offset(master, 'master');
  for (const port of topology.ports) {
    if (port !== master) await eventually(async () => (await offset(port, 'slave')) >= passedOn);
  }
  return master;
}

/** As by an election, at once: the master cannot be asked. */
async function replace(master: number): Promise<void> {
  const [{ port = 0 } = {}] = topology.sentinels;
  await eventually(() => topology.cli(port, 'SENTINEL', 'FAILOVER', topology.masterName), { within: 20_000, every: 100 });
  await topology.waitForMaster({ otherThan: master, within: 20_000 });
}

async function expectCoherent(): Promise<void> {
  await exercise.wellAgain();
  await exercise.atRest();
  const { reads, invalidations } = exercise.counts(keys);
  expect(reads).toBeGreaterThan(100);
  expect(invalidations).toBeGreaterThan(10);
  expectNoViolation();
}

function expectNoViolation(): void {
  expect(exercise.judge().violations.slice(0, 3).map(shownViolation)).toEqual([]);
}

describe('two processes that read, and one that writes, never meet what was invalidated longer ago than the bound', () => {
  it('while subscribers are killed again and again', async () => {
    const master = await topology.master();
    for (let round = 0; round < 12; round++) {
      exercise.resume();
      await topology.cli(master, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
      await new Promise((resolve) => setTimeout(resolve, 40));
      // What was written just now is not written again, so a copy of what was there before would stay.
      await exercise.pause();
    }
    await exercise.atRest();
    expectNoViolation();
    exercise.resume();
    await expectCoherent();
    for (const { trustLost, hits } of exercise.watchers) {
      expect(trustLost).toBeGreaterThan(0);
      expect(hits).toBeGreaterThan(0);
    }
  });

  it('when a master is replaced and goes on as one for a while', async () => {
    const former = await calmMaster();
    const master = await topology.failover();
    await eventually(async () => (await listenersAt(master)) === listeners && (await listenersAt(former)) === 0, {
      within: 15_000,
    });
    exercise.resume();
    await expectCoherent();
  });

  it('when a master freezes, is replaced, and comes back as if nothing had been', async () => {
    const former = await calmMaster();
    topology.freeze(former);
    exercise.resume();
    // So long that nobody trusts what it has.
    await new Promise((resolve) => setTimeout(resolve, maxStaleness));
    await replace(former);
    topology.thaw(former);
    await expectCoherent();
  });

  it('when a master is killed and replaced', async () => {
    const former = await calmMaster();
    await topology.kill(former);
    exercise.resume();
    await replace(former);
    await expectCoherent();
  });

  it('and one that hears nothing does, all the time', () => {
    expect(exercise.judgeDeaf().violations.length).toBeGreaterThan(10);
  });
});
