import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { redisStore } from '../../../../src/backends/redis/redis-store.js';
import { systemClock } from '../../../../src/clock.js';
import { endEpoch } from '../../../../src/coherence/epochs.js';
import { newEntry } from '../../../../src/entries/entry.js';
import { type BackendError, ConnectionError, DeadlineError } from '../../../../src/errors.js';
import type { Store } from '../../../../src/store.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { simulatedProcess } from '../../../support/simulated-process.js';
import { ask, rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

/** One library's connection and a store over it, with names of its own. */
interface Witness {
  readonly library: string;
  readonly connection: Connection;
  readonly store: Store;
  /** The name in Redis of one of its keys. */
  physical(key: string): string;
  readonly failures: { operation: string; failedKeys: readonly string[] }[];
}

const keys = Array.from({ length: 60 }, (_, index) => `key:${index}`);
const breaker = { resetTimeout: 200, errorThreshold: 50, volumeThreshold: 3, window: 2_000, probeTimeout: 500 };
const entry = (value: unknown) => newEntry(value, { ttl: 60_000, grace: 0 }, Date.now());

describe('a part of the cluster away', () => {
  let cluster: RedisCluster;
  let witnesses: Witness[];
  let victim: number;
  /** Keys of the victim, one of them, and those of the others. */
  let lost: string[];
  let aLost: string;
  let served: string[];

  /** Without replicas nobody takes over: what is away stays away. */
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 0 });
  });
  afterAll(() => cluster?.stop());

  beforeEach(async () => {
    await cluster.healthy();
    await cluster.flush();
    victim = (await cluster.nodeFor('key:0')).port;
    const owners = await Promise.all(keys.map((key) => cluster.nodeFor(key)));
    lost = keys.filter((_, index) => owners[index]?.port === victim);
    aLost = lost[0] as string;
    served = keys.filter((key) => !lost.includes(key));
    witnesses = libraries.map(({ library, connect }, index) => {
      const connection = connect({ nodes: cluster.addresses, stallTimeout: 1_000, drainTimeout: 200 });
      const failures: Witness['failures'] = [];
      const store = redisStore(connection, {
        name: `shop${index}`,
        clock: systemClock,
        leaseMs: 1_000,
        events: {
          unreadable() {},
          failed: (operation, { failedKeys }) => failures.push({ operation, failedKeys: [...failedKeys].sort() }),
        },
      });
      return { library, connection, store, failures, physical: (key) => `shop${index}:cache:{${key}}` };
    });
    await Promise.all(witnesses.map(({ connection }) => connection.connect()));
  });
  afterEach(async () => {
    await Promise.all(witnesses.map(({ connection }) => connection.close()));
    for (const { port, server } of cluster.nodes) {
      if (server.frozen) cluster.thaw(port);
      if (!server.running) await cluster.restart(port);
    }
  });

  const forEach = (check: (witness: Witness) => Promise<unknown>) => Promise.all(witnesses.map(check));

  /** Every connection knows that the node is gone. */
  const knownAway = () =>
    forEach(({ store }) =>
      eventually(async () => (await rejection(store.read(aLost, within()))).message.includes('is away'), { within: 10_000 }),
    );

  it('fails the keys of that part alone, at once, and comes back with it', async () => {
    await cluster.kill(victim);
    await knownAway();
    await forEach(async ({ connection, physical, library }) => {
      const began = performance.now();
      const sets = keys.map((key) => ({ key: physical(key), args: ['SET', physical(key), key] }));
      const replies = await connection.batch(sets, within());
      const values = await connection.getMany(keys.map(physical), within());
      // They may wait for 5 s each.
      expect(performance.now() - began, library).toBeLessThan(4_500);
      for (const [index, key] of keys.entries()) {
        if (served.includes(key)) expect([replies[index], String(values[index])]).toEqual([Buffer.from('OK'), key]);
        else {
          for (const error of [replies[index], values[index]]) expect(error).toBeInstanceOf(ConnectionError);
          expect((replies[index] as BackendError).partial, library).toBe(true);
        }
      }
      expect(connection.state, library).toBe('ready');
      const none = await rejection(connection.getMany(lost.map(physical), within()));
      expect([none, (none as BackendError).partial]).toEqual([expect.any(ConnectionError), true]);
    });
    await cluster.restart(victim);
    await forEach(async ({ connection, physical }) => {
      await eventually(() => ask(connection, 'SET', physical(aLost), 'back').then(() => true), { within: 10_000 });
    });
  });

  it('reads what can be read, says what could not be written, and keeps the circuit closed', async () => {
    await forEach(({ store }) => store.writeMany(new Map(keys.map((key) => [key, entry(key)])), within()));
    await cluster.kill(victim);
    await knownAway();
    await forEach(async ({ store, failures, library }) => {
      const unread: string[] = [];
      const found = await store.readMany(keys, within(), (key) => unread.push(key));
      expect([...found.keys()].sort(), library).toEqual([...served].sort());
      expect(unread.sort(), library).toEqual([...lost].sort());
      expect(failures, library).toEqual([{ operation: 'readMany', failedKeys: [...lost].sort() }]);

      const news = new Map(keys.map((key) => [key, entry('new')]));
      const unwritten = (await rejection(store.writeMany(news, within()))) as BackendError;
      expect(unwritten).toBeInstanceOf(ConnectionError);
      expect([unwritten.partial, [...unwritten.failedKeys].sort()]).toEqual([true, [...lost].sort()]);
      expect(unwritten.message).toContain(`writeMany failed for ${lost.length} of ${keys.length} keys`);
      expect((await store.read(served[0] as string, within()))?.value).toBe('new');

      const unremoved = (await rejection(store.removeMany(keys.slice(0, 30), within()))) as BackendError;
      expect([...unremoved.failedKeys].sort()).toEqual(lost.filter((key) => keys.indexOf(key) < 30).sort());
      const unmatched = (await rejection(store.removeMatching('', '*', () => within()))) as BackendError;
      expect(unmatched.partial, library).toBe(true);
      expect((await store.readMany(served, within())).size, library).toBe(0);

      const { cache, core } = simulatedProcess(systemClock, store, { circuitBreaker: breaker });
      for (const key of [...lost, ...lost]) await cache.set(key, 'in memory');
      expect(core.l2?.circuit.state, library).toBe('closed');
      expect(await cache.get(aLost)).toBe('in memory');
      // Memory answers for them in a batch as it does for one of them, and keeps what it has.
      endEpoch(core.trust, core.trust.serving, systemClock.monotonic());
      core.trust.serving = -1;
      for (let round = 1; round <= 2; round += 1) expect((await cache.getMany(lost)).size, library).toBe(lost.length);
      expect(cache.health().status, library).toBe('ok');
    });
  });

  it('opens the circuit when no node answers, and closes it when they do again', async () => {
    const caches = witnesses.map(({ store }) => simulatedProcess(systemClock, store, { circuitBreaker: breaker }));
    for (const { port } of cluster.nodes) await cluster.kill(port);
    for (const { cache, core } of caches) {
      await eventually(() => cache.set('key:1', 1).then(() => core.l2?.circuit.state === 'open'));
      await eventually(() => cache.health().tiers.at(-1)?.state === 'down');
      expect(cache.health().status).toBe('degraded');
    }
    await forEach(async ({ connection, library }) => {
      const error = (await rejection(ask(connection, 'GET', aLost))) as BackendError;
      expect([error, error.partial], library).toEqual([expect.any(ConnectionError), false]);
    });
    await Promise.all(cluster.nodes.map(({ port }) => cluster.restart(port)));
    await cluster.healthy();
    for (const { cache, core } of caches) {
      await eventually(() => cache.health().status === 'ok', { within: 10_000 });
      await cache.set('key:1', 'again');
      expect((await core.l2?.read('key:1', within()))?.value).toBe('again');
    }
  });

  it('lets nobody wait for a frozen node but those who ask it, and in the end not those', async () => {
    cluster.freeze(victim);
    await forEach(async ({ connection, store, physical, library }) => {
      const get = { key: physical(aLost), args: ['GET', physical(aLost)] };
      const waiting = rejection(connection.command(get, within(800)));
      // All in one tick, as requests that come together are.
      const slow = rejection(store.read(aLost, within(800)));
      let isOver = false;
      waiting.then(() => {
        isOver = true;
      });
      const values = await Promise.all(served.map((key) => store.read(key, within())));
      expect(isOver, library).toBe(false);
      expect(new Set(values), library).toEqual(new Set([undefined]));
      for (const error of [await waiting, await slow]) {
        expect([error, (error as BackendError).partial], library).toEqual([expect.any(DeadlineError), true]);
      }
    });
    // Once nothing has come from it for the time of a stall, nobody waits for it any more.
    await knownAway();
    await forEach(async ({ store, library }) => {
      const began = performance.now();
      await rejection(store.read(aLost, within()));
      expect(performance.now() - began, library).toBeLessThan(2_500);
    });
    cluster.thaw(victim);
    await forEach(async ({ store }) => {
      await eventually(() => store.read(aLost, within()).then(() => true), { within: 10_000 });
    });
  });
});
