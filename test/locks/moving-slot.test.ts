import { type Locks, redisLocks } from 'tierkeep/locks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { slotOf } from '../../src/backends/redis/slots.js';
import { eventually } from '../support/eventually.js';
import { type RedisCluster, startCluster } from '../support/redis-cluster.js';
import type { SlotMove } from '../support/slot-move.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());

describe.each(['ioredis', 'node-redis'] as const)('locks in a slot that moves, over %s', (driver) => {
  let locks: Locks;
  let move: SlotMove | undefined;
  afterEach(async () => {
    await arrive();
    await locks.close();
  });

  async function depart(): Promise<void> {
    const owner = (await cluster.nodeFor('{moving}')).port;
    const to = (await cluster.masters()).find(({ port }) => port !== owner)?.port as number;
    move = await cluster.beginMove(slotOf('{moving}'), to);
  }

  async function arrive(): Promise<void> {
    await move?.migrate();
    await move?.finish();
    move = undefined;
  }

  it('are kept by who has them, wanted by who waits, and had when the slot has arrived', async () => {
    locks = redisLocks({ name: `moving-${driver}`, cluster: { nodes: cluster.addresses, driver }, budget: '10s' });
    const held = await locks.acquire('held{moving}', { ttl: '1h' });
    await depart();
    // Keys of it are at both nodes now.
    await move?.migrate(1);
    await held.refresh('2h');
    expect(held.isHeld).toBe(true);
    expect(await locks.tryAcquire('new{moving}')).toBeUndefined();
    const waiting = [1, 2, 3].map(() => locks.use('new{moving}', { wait: '50s' }, ({ fencingToken }) => fencingToken));
    const next = locks.acquire('held{moving}', { wait: '50s' });
    await eventually(() => locks.stats().contended >= 5);
    await arrive();
    const fences = await Promise.all(waiting);
    expect(new Set(fences).size).toBe(3);
    expect(held.isHeld).toBe(true);
    expect(await held.release()).toBe(true);
    expect((await next).fencingToken).toBeGreaterThan(held.fencingToken);
  });
});
