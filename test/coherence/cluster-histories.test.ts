import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slotOf } from '../../src/backends/redis/slots.js';
import { eventually } from '../support/eventually.js';
import { type Exercise, startExercise } from '../support/exercise.js';
import { shownViolation } from '../support/histories/process-history.js';
import { parseInfo } from '../support/info.js';
import { type RedisCluster, startCluster } from '../support/redis-cluster.js';

const keys = Array.from({ length: 24 }, (_, index) => `k${index}`);
const maxStaleness = 800;

let cluster: RedisCluster;
let exercise: Exercise;
beforeAll(async () => {
  // On a busy machine nothing may be replaced by itself: with a master goes what it had not passed on.
  cluster = await startCluster({ nodeTimeout: 10_000 });
  const nodes = cluster.addresses.slice(0, 4);
  exercise = await startExercise((driver) => ({ cluster: { nodes, driver } }), { name: 'shop', keys, maxStaleness });
});
afterAll(async () => {
  await exercise?.[Symbol.asyncDispose]();
  await cluster?.stop();
});

const role = async (port: number) => parseInfo(await cluster.cli(port, 'INFO', 'replication'));

/** A master with many of the keys, one of its replicas, and which keys they are. */
async function victim() {
  await cluster.healthy();
  const owner = await cluster.nodeFor('k0');
  const replica = (await cluster.replicas()).find(({ masterId }) => masterId === owner.id);
  const isOwn = (key: string) => owner.slots.some(([first, last]) => first <= slotOf(key) && slotOf(key) <= last);
  return { master: owner.port, replica: replica?.port ?? 0, own: keys.filter(isOwn) };
}

/** What a master acknowledged and did not pass on in time is lost with it, and no cache can tell. */
async function passedOn(master: number, replica: number): Promise<void> {
  const offset = Number((await role(master)).get('master_repl_offset'));
  await eventually(async () => Number((await role(replica)).get('slave_repl_offset')) >= offset);
}

/** As by an election, but at once. */
async function replace(master: number, replica: number): Promise<void> {
  await cluster.cli(replica, 'CLUSTER', 'FAILOVER', 'TAKEOVER');
  await eventually(async () => (await cluster.nodeFor('k0')).port !== master, { within: 20_000 });
}

async function expectCoherent(own: readonly string[]): Promise<void> {
  await exercise.wellAgain();
  await exercise.atRest();
  const { reads, invalidations } = exercise.counts(own);
  expect(reads).toBeGreaterThan(50);
  expect(invalidations).toBeGreaterThan(2);
  expectNoViolation();
}

function expectNoViolation(): void {
  expect(exercise.judge().violations.slice(0, 3).map(shownViolation)).toEqual([]);
}

describe('two processes that read, and one that writes, never meet what was invalidated longer ago than the bound', () => {
  it('in peace', async () => {
    await expectCoherent(keys);
    for (const { hits } of exercise.watchers) expect(hits).toBeGreaterThan(0);
  });

  it('while subscribers are killed again and again, at one master and at all', async () => {
    const [first, ...others] = (await cluster.masters()).map(({ port }) => port);
    for (let round = 0; round < 12; round++) {
      exercise.resume();
      const ports = round % 3 === 0 ? [first ?? 0] : [first ?? 0, ...others];
      await Promise.all(ports.map((port) => cluster.cli(port, 'CLIENT', 'KILL', 'TYPE', 'pubsub')));
      await new Promise((resolve) => setTimeout(resolve, 40));
      // What was written just now is not written again, so a copy of what was there before would stay.
      await exercise.pause();
    }
    await exercise.atRest();
    expectNoViolation();
    exercise.resume();
    await expectCoherent(keys);
    for (const { trustLost } of exercise.watchers) expect(trustLost).toBeGreaterThan(0);
  });

  it('while a slot with keys moves to another master', async () => {
    const { master, own } = await victim();
    const other = (await cluster.masters()).find(({ port }) => port !== master)?.port ?? 0;
    exercise.resume();
    for (const key of own.slice(0, 3)) {
      const move = await cluster.beginMove(slotOf(key), other);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await move.migrate();
      await move.finish();
    }
    await expectCoherent(own.slice(0, 3));
  });

  it('when a replica takes over from a master that is well', async () => {
    const { master, replica, own } = await victim();
    await exercise.pause();
    await passedOn(master, replica);
    await replace(master, replica);
    await eventually(async () => (await role(master)).get('role') === 'slave');
    exercise.resume();
    await expectCoherent(own);
  });

  it('when a master freezes, is replaced, and comes back as if nothing had been', async () => {
    const { master, replica, own } = await victim();
    await exercise.pause();
    await passedOn(master, replica);
    cluster.freeze(master);
    exercise.resume();
    // So long that nobody trusts what it has.
    await new Promise((resolve) => setTimeout(resolve, maxStaleness));
    await replace(master, replica);
    cluster.thaw(master);
    await expectCoherent(own);
  });

  it('when a master is killed and replaced', async () => {
    const { master, replica, own } = await victim();
    await exercise.pause();
    await passedOn(master, replica);
    await cluster.kill(master);
    exercise.resume();
    await replace(master, replica);
    await expectCoherent(own);
  });

  it('and one that hears nothing does, all the time', () => {
    expect(exercise.judgeDeaf().violations.length).toBeGreaterThan(10);
  });
});
