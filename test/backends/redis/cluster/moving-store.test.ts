import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { redisStore } from '../../../../src/backends/redis/redis-store.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { systemClock } from '../../../../src/clock.js';
import { type Entry, newEntry } from '../../../../src/entries/entry.js';
import { physicalKeys } from '../../../../src/entries/keys.js';
import { ConnectionError } from '../../../../src/errors.js';
import type { Leases, Store } from '../../../../src/store.js';
import { alwaysCounts } from '../../../../src/store.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { simulatedProcess } from '../../../support/simulated-process.js';
import type { SlotMove } from '../../../support/slot-move.js';
import { rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());

const names = physicalKeys('shop');

describe.each(libraries)('a store whose slot is held on its way, over $library', ({ connect }) => {
  let connection: Connection;
  let store: Store & { readonly leases: Leases };
  let move: SlotMove | undefined;
  beforeEach(async () => {
    await cluster.flush();
    connection = connect({ nodes: cluster.addresses });
    const settings = { name: 'shop', clock: systemClock, leaseMs: 5_000, events: { unreadable() {} } };
    store = redisStore(connection, settings) as typeof store;
  });
  afterEach(async () => {
    await arrive();
    await connection.close();
  });

  const entry = (value: unknown): Entry => newEntry(value, { ttl: 60_000, grace: 0 }, Date.now());

  /** The slot of all keys with the hash tag `{moving}` leaves; of the physical keys only these have gone. */
  async function depart(...gone: string[]): Promise<void> {
    const owner = (await cluster.nodeFor('{moving}')).port;
    const to = (await cluster.masters()).find(({ port }) => port !== owner)?.port as number;
    move = await cluster.beginMove(slotOf('{moving}'), to);
    if (gone.length > 0) await cluster.cli(owner, 'MIGRATE', '127.0.0.1', String(to), '', '0', '5000', 'KEYS', ...gone);
  }

  async function arrive(): Promise<void> {
    await move?.migrate();
    await move?.finish();
    move = undefined;
  }

  /** What is left of a key at any node. */
  async function left(key: string): Promise<string[]> {
    const found: string[] = [];
    for (const { port } of await cluster.masters()) {
      for (const listed of (await cluster.cli(port, 'KEYS', `*${key}`)).split('\n')) if (listed !== '') found.push(listed);
    }
    return found.sort();
  }

  it('goes on reading, from whichever node has the key', async () => {
    for (const key of ['{moving}1', '{moving}2', 'elsewhere']) await store.write(key, entry(key), within());
    await depart(names.entry('{moving}1'));
    expect((await store.read('{moving}1', within()))?.value).toBe('{moving}1');
    expect((await store.read('{moving}2', within()))?.value).toBe('{moving}2');
    const found = await store.readMany(['{moving}2', 'elsewhere', '{moving}1', '{moving}3'], within());
    expect([...found].map(([key, { value }]) => [key, value])).toEqual([
      ['{moving}2', '{moving}2'],
      ['elsewhere', 'elsewhere'],
      ['{moving}1', '{moving}1'],
    ]);
  });

  it('removes an entry and its lease, each where it is', async () => {
    await store.write('{moving}stale', entry('old'), within());
    const { stamp } = (await store.read('{moving}stale', within())) as Entry;
    expect(await store.leases.load('{moving}stale', 'token', stamp, within())).toEqual({ state: 'granted' });
    await depart(names.lease('{moving}stale'));
    expect(await store.remove('{moving}stale', within())).toBe(true);
    expect(await left('{moving}stale')).toEqual([]);
    await arrive();
    expect(await store.leases.fill('{moving}stale', 'token', entry('too late'), within())).toBe(false);
    expect(await store.read('{moving}stale', within())).toBeUndefined();
  });

  it('turns a write into a removal, so that no reader takes the old value for the new one', async () => {
    await store.write('{moving}a', entry('old'), within());
    await store.write('{moving}b', entry('old'), within());
    await depart();
    await store.write('{moving}a', entry('new'), within());
    await store.writeMany(
      new Map([
        ['{moving}b', entry('new')],
        ['elsewhere', entry('new')],
      ]),
      within(),
    );
    expect(await left('{moving}a')).toEqual([]);
    expect(await left('{moving}b')).toEqual([]);
    expect((await store.read('elsewhere', within()))?.value).toBe('new');
    await arrive();
    await store.write('{moving}a', entry('newer'), within());
    expect((await store.read('{moving}a', within()))?.value).toBe('newer');
  });

  it('removes many, those that move and those that do not', async () => {
    const keys = ['{moving}1', 'x', '{moving}2', 'y'];
    await store.writeMany(new Map(keys.map((key) => [key, entry(key)])), within());
    await depart(names.entry('{moving}2'));
    expect(await store.removeMany([...keys, 'absent'], within())).toBe(4);
    expect((await store.readMany(keys, within())).size).toBe(0);
  });

  it('gives no lease and takes no fill, but lets one be renewed and given back', async () => {
    expect(await store.leases.load('{moving}l', 'token', '', within())).toEqual({ state: 'granted' });
    await depart();
    expect(await store.leases.load('{moving}other', 'another', '', within())).toEqual({ state: 'moving' });
    expect(await store.leases.renew('{moving}l', 'token', within())).toBe(true);
    expect(await store.leases.fill('{moving}l', 'token', entry('v'), within())).toBe(false);
    expect(await left('{moving}l')).toEqual([]);
    await store.leases.release('{moving}l', 'token', within());
  });

  it('refuses what must be atomic, with an error that asks to try again', async () => {
    await store.increment('{moving}n', 1, entry(1) as Entry<number>, within(), alwaysCounts);
    await depart();
    const refusals = [
      store.increment('{moving}n', 1, entry(1) as Entry<number>, within(800), alwaysCounts),
      store.writeIfAbsent('{moving}n', entry(2), within(800), alwaysCounts),
      store.expire('{moving}n', Date.now() + 1_000, within(800), alwaysCounts),
    ];
    for (const error of await Promise.all(refusals.map(rejection))) {
      expect(error).toBeInstanceOf(ConnectionError);
      const { retryable, partial, message } = error as ConnectionError;
      expect([retryable, partial]).toEqual([true, true]);
      expect(message).toContain('on its way to another node');
    }
    await arrive();
    expect(await store.increment('{moving}n', 1, entry(1) as Entry<number>, within(), alwaysCounts)).toBe(2);
  });

  it('lets what must be atomic wait for a slot that arrives in time, and does it once', async () => {
    await store.increment('{moving}n', 1, entry(1) as Entry<number>, within(), alwaysCounts);
    await depart();
    const counting = Promise.all(
      Array.from({ length: 5 }, () => store.increment('{moving}n', 1, entry(1) as Entry<number>, within(), alwaysCounts)),
    );
    await arrive();
    expect((await counting).sort()).toEqual([2, 3, 4, 5, 6]);
  });

  it('lets loads run without a lease, and keeps nothing of what they make', async () => {
    const { cache } = simulatedProcess(systemClock, store);
    await cache.getOrSet('{moving}seen', () => 'made before');
    await depart();
    expect(await cache.getOrSet('{moving}seen', () => 'made again')).toBe('made before');
    expect(await cache.getOrSet('{moving}new', () => 'made')).toBe('made');
    expect(cache.peek('{moving}new')).toBeUndefined();
    expect(await left('{moving}new')).toEqual([]);
    await cache.delete('{moving}seen');
    expect(await cache.get('{moving}seen')).toBeUndefined();
    await arrive();
    // What is read or made while the slot changes hands may be kept in Redis alone.
    expect(await cache.getOrSet('{moving}new', () => 'made for good')).toBe('made for good');
    expect(await left('{moving}new')).toHaveLength(1);
    expect(await cache.getOrSet('{moving}new', () => 'made in vain')).toBe('made for good');
    expect(cache.peek('{moving}new')).toBe('made for good');
  });
});
