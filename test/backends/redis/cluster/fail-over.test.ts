import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection, ConnectionState } from '../../../../src/backends/redis/connection.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import type { BackendError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { watchStalls } from '../../../support/stalls.js';
import { within } from '../libraries.js';
import { libraries } from './libraries.js';

/** One library's connection, with all that happened to it. */
interface Witness {
  readonly library: string;
  readonly connection: Connection;
  readonly states: ConnectionState[];
}

interface Tally {
  readonly acknowledged: { readonly key: string; readonly at: number }[];
  readonly failed: { readonly error: BackendError; readonly at: number; readonly took: number }[];
}

/** How soon after the cluster itself has another master a write must work again, ms. All libraries share two slow cores with it. */
const soonAfter = 500;
/** What a call is given where it is not to fail: it tells a lost call from one on a slow machine. */
const patience = 5_000;

describe('fail-over', () => {
  let cluster: RedisCluster;
  let witnesses: Witness[];
  let victim: number;
  let isVictims: (key: string) => boolean;

  beforeAll(async () => {
    cluster = await startCluster({ password: 'node-secret' });
  });
  afterAll(() => cluster?.stop());

  /** All libraries live through the same fail-over, each with a connection that has stood for a while. */
  beforeEach(async () => {
    await cluster.healthy();
    await cluster.flush();
    const master = await cluster.nodeFor('{victim}');
    victim = master.port;
    isVictims = (key) => master.slots.some(([first, last]) => first <= slotOf(key) && slotOf(key) <= last);
    witnesses = libraries.map(({ library, connect }) => {
      const connection = connect({ nodes: cluster.urls.slice(0, 2), drainTimeout: 200 });
      const states: ConnectionState[] = [];
      connection.onState((state) => states.push(state));
      return { library, connection, states };
    });
    await Promise.all(witnesses.map(({ connection }) => connection.connect()));
  });
  afterEach(() => Promise.all(witnesses.map(({ connection }) => connection.close())));

  /** INCRs one key after the other, never one twice. */
  async function count(
    { library, connection }: Witness,
    isWanted: (key: string) => boolean,
    over: () => boolean,
    ms: number,
  ): Promise<Tally> {
    const tally: Tally = { acknowledged: [], failed: [] };
    for (let index = 0; !over(); index++) {
      const key = `${library}:${index}`;
      if (!isWanted(key)) continue;
      const began = performance.now();
      try {
        await connection.command({ key, args: ['INCR', key] }, within(ms));
        tally.acknowledged.push({ key, at: performance.now() });
      } catch (error) {
        tally.failed.push({ error: error as BackendError, at: performance.now(), took: performance.now() - began });
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return tally;
  }

  /** Breaks one master while every library writes to all, and looks at what each has seen. */
  async function expectFollowed(breakIt: () => unknown, annotate: (message: string) => unknown) {
    let agreed = Number.POSITIVE_INFINITY;
    const stalls = watchStalls();
    const allowed = () => soonAfter + 10 * stalls.longest;
    const over = () => performance.now() > agreed + 500 + allowed();
    const counting = witnesses.map((witness) =>
      Promise.all([count(witness, isVictims, over, 300), count(witness, (key) => !isVictims(key), over, patience)]),
    );
    await eventually(async () => Number(await cluster.cli(victim, 'DBSIZE')) > 60);
    const brokenAt = performance.now();
    await breakIt();
    await eventually(async () => (await cluster.nodeFor('{victim}')).port !== victim, { within: 20_000, every: 20 });
    agreed = performance.now();
    const tallies = await Promise.all(counting);
    stalls.stop();
    for (const [index, [hit, spared]] of tallies.entries()) {
      const { library, states, connection } = witnesses[index] as Witness;
      const failedAt = hit.failed[0]?.at ?? Number.POSITIVE_INFINITY;
      const back = hit.acknowledged.find(({ at }) => at > failedAt)?.at ?? Number.POSITIVE_INFINITY;
      await annotate(
        `${library}: a write after ${Math.round(back - brokenAt)} ms, ${Math.round(back - agreed)} ms after the cluster`,
      );
      expect(back, library).toBeLessThan(agreed + allowed());
      expect(spared.failed, library).toEqual([]);
      for (const { error } of hit.failed) {
        expect(error.name, library).toMatch(/^(ConnectionError|DeadlineError)$/);
        expect(error.partial, library).toBe(true);
      }
      expect(states, library).toEqual(['connecting', 'ready']);
      // What was acknowledged afterwards, or by another master, ran once and is there.
      const sure = [...hit.acknowledged.filter(({ at }) => at >= back), ...spared.acknowledged].map(({ key }) => key);
      expect(new Set((await connection.getMany(sure, within())).map(String)), library).toEqual(new Set(['1']));
      // What was acknowledged before may be lost, and what failed may have run, but nothing ran twice.
      const unsure = hit.acknowledged.map(({ key }) => key);
      for (const value of await connection.getMany(unsure, within())) expect(['null', '1'], library).toContain(String(value));
    }
    return tallies.map(([hit]) => hit);
  }

  it('follows when a master is killed, and fails at once meanwhile', async ({ annotate }) => {
    const tallies = await expectFollowed(() => cluster.kill(victim), annotate);
    // Slow is only what was in flight when it died.
    for (const { failed } of tallies) {
      expect(failed.filter(({ took }) => took > 250).length).toBeLessThanOrEqual(Math.max(2, failed.length / 2));
    }
    await cluster.restart(victim);
  });

  it('follows when a master freezes, and does not go back when it thaws', async ({ annotate }) => {
    await expectFollowed(() => cluster.freeze(victim), annotate);
    cluster.thaw(victim);
    await cluster.healthy();
    for (const { connection, library } of witnesses) {
      const reply = connection.command({ key: '{victim}', args: ['SET', '{victim}', library] }, within());
      expect(await reply, library).toEqual(Buffer.from('OK'));
    }
  });

  it('goes over to the new master without a single failed call when it is asked to', async () => {
    const [replica] = (await cluster.replicas()).filter(({ masterId }) => masterId !== undefined);
    const masters = await cluster.masters();
    const former = masters.find(({ id }) => id === replica?.masterId)?.port;
    let over = false;
    const counting = witnesses.map((witness) =>
      count(
        witness,
        () => true,
        () => over,
        patience,
      ),
    );
    await eventually(async () => Number(await cluster.cli(former ?? 0, 'DBSIZE')) > 60);
    // These know nothing of it yet when it is over.
    const idle = libraries.map(({ connect }) => connect({ nodes: cluster.urls }));
    await Promise.all(idle.map((connection) => connection.connect()));
    await cluster.failover(replica?.port ?? 0);
    over = true;
    for (const [index, { acknowledged, failed }] of (await Promise.all(counting)).entries()) {
      const { library, states, connection } = witnesses[index] as Witness;
      expect(failed, library).toEqual([]);
      const keys = acknowledged.map(({ key }) => key);
      expect(new Set((await connection.getMany(keys, within())).map(String)), library).toEqual(new Set(['1']));
      expect(states, library).toEqual(['connecting', 'ready']);
    }
    // The old master is among those that they would ask, and only refuses.
    for (const connection of idle) {
      const writes = masters.map(() => connection.command({ key: undefined, args: ['FLUSHALL'] }, within()));
      expect((await Promise.all(writes)).map(String)).toEqual(['OK', 'OK', 'OK']);
      await connection.close();
    }
  });
});
