import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection, ConnectionState } from '../../../../src/backends/redis/connection.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisSentinel, startSentinel } from '../../../support/redis-sentinel.js';
import { watchStalls } from '../../../support/stalls.js';
import { ask, within } from '../libraries.js';
import { libraries, optionsFor } from './sentinel-libraries.js';

/** One library's connection, with all that happened to it. */
interface Witness {
  readonly library: string;
  readonly connection: Connection;
  readonly states: ConnectionState[];
  readonly heard: string[];
}

describe('fail-over', () => {
  let topology: RedisSentinel;
  let witnesses: Witness[];
  let master: number;

  beforeAll(async () => {
    topology = await startSentinel({ password: 'node-secret', sentinelPassword: 'sentinel-secret' });
  });
  afterAll(() => topology?.stop());

  /** All libraries live through the same fail-over, each with a connection that has stood for a while. */
  beforeEach(async () => {
    await topology.healthy();
    master = await topology.master();
    await topology.flush();
    witnesses = libraries.map(({ library, connect }) => {
      // They have to learn of the other Sentinels themselves.
      const connection = connect({ ...optionsFor(topology), sentinels: topology.sentinels.slice(-1), drainTimeout: 200 });
      const witness: Witness = { library, connection, states: [], heard: [] };
      connection.onState((state) => witness.states.push(state));
      return witness;
    });
    const standsSince = performance.now();
    for (const { connection, heard } of witnesses) {
      await connection.subscribe('news', {
        message: (message) => heard.push(String(message)),
        state: (state) => heard.push(state),
      });
      await ask(connection, 'PING');
    }
    await eventually(() => performance.now() - standsSince > 1_100);
  });
  afterEach(() => Promise.all(witnesses.map(({ connection }) => connection.close())));

  /** INCRs one key after the other until `over`, and tells which were acknowledged before and after the first that failed. */
  async function count({ library, connection }: Witness, over: (back: number) => boolean, ms = 300) {
    const before: string[] = [];
    const after: string[] = [];
    const failed: Error[] = [];
    let backAt: number | undefined;
    for (let index = 0; !over(after.length); index++) {
      const key = `${library}:${index}`;
      try {
        await connection.command({ key, args: ['INCR', key] }, within(ms));
        if (failed.length > 0) backAt ??= performance.now();
        (failed.length === 0 ? before : after).push(key);
      } catch (error) {
        failed.push(error as Error);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return { before, after, failed, backAt };
  }

  /** Breaks the master while every library writes, and looks at what each has seen. */
  async function expectFollowed(breakIt: () => unknown) {
    let agreed = Number.POSITIVE_INFINITY;
    const stalls = watchStalls();
    const over = (back: number) => performance.now() > agreed + (back > 20 ? 300 : 10_000);
    const counting = witnesses.map((witness) => count(witness, over));
    await eventually(async () => Number(await topology.cli(master, 'DBSIZE')) > 30);
    await breakIt();
    const successor = await topology.waitForMaster({ otherThan: master });
    agreed = performance.now();
    const counts = await Promise.all(counting);
    stalls.stop();
    for (const [index, { before, after, failed, backAt = Number.POSITIVE_INFINITY }] of counts.entries()) {
      const { library, states, heard, connection } = witnesses[index] as Witness;
      // The promoted replica is looked at itself, so this is before the Sentinels have all found out.
      expect(backAt, library).toBeLessThan(agreed + 250 + 10 * stalls.longest);
      expect(before.length, library).toBeGreaterThan(5);
      expect(after.length, library).toBeGreaterThan(20);
      for (const error of failed) expect(error.name, library).toMatch(/^(ConnectionError|DeadlineError)$/);
      // What was acknowledged by the successor ran there, once.
      const values = await connection.getMany(after, within());
      expect(new Set(values.map(String)), library).toEqual(new Set(['1']));
      const others = await connection.getMany(before, within());
      expect(
        others.every((value) => value === null || String(value) === '1'),
        library,
      ).toBe(true);
      expect(states.at(-1), library).toBe('ready');
      await eventually(() => heard.at(-1) === 'subscribed');
    }
    await eventually(async () => expect(await topology.cli(successor, 'PUBSUB', 'NUMSUB', 'news')).toBe('news\n3'));
    expect(await topology.cli(successor, 'PUBLISH', 'news', 'from the successor')).toBe('3');
    const gap = ['subscribed', 'lost', 'subscribed', 'from the successor'];
    for (const { heard } of witnesses) {
      // On a slow machine a connection may be given up once more.
      await eventually(() => expect([...heard.slice(0, 2), ...heard.slice(-2)]).toEqual(gap));
    }
  }

  it('follows when the master is killed', async () => {
    await expectFollowed(() => topology.kill(master));
    await topology.restart(master);
  });

  it('follows when the master freezes, and does not go back when it thaws', async () => {
    await expectFollowed(() => topology.freeze(master));
    topology.thaw(master);
    await topology.healthy();
    for (const { connection, library } of witnesses) {
      expect(await ask(connection, 'SET', 'k', library)).toEqual(Buffer.from('OK'));
    }
  });

  it('goes over to the new master without a single failed call when it is asked to', async () => {
    let over = false;
    const counting = witnesses.map((witness) => count(witness, () => over, 5_000));
    await topology.failover();
    over = true;
    for (const [index, { before, failed }] of (await Promise.all(counting)).entries()) {
      const { library, states, connection } = witnesses[index] as Witness;
      expect(failed, library).toEqual([]);
      expect(states, library).toEqual(['connecting', 'ready', 'connecting', 'ready']);
      const values = (await connection.getMany(before, within())).map(String);
      expect(
        values.filter((value) => value !== '1' && value !== 'null'),
        library,
      ).toEqual([]);
      // Between the promotion and our change the old master still takes writes; that is a moment, where it was a second.
      expect(values.filter((value) => value === 'null').length, library).toBeLessThan(values.length / 4);
    }
  });

  it('follows while the one Sentinel that was given is down', async () => {
    const [sentinel = 0] = topology.sentinels.map(({ port }) => port).slice(-1);
    await topology.kill(sentinel);
    await expectFollowed(() => topology.kill(master));
    await topology.restart(sentinel);
    await topology.restart(master);
  });
});
