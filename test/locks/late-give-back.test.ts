import { expect, it } from 'vitest';
import type { Lock } from '../../src/lock.js';
import { byTheSameChances, LockWorld } from '../support/locks/lock-world.js';
import type { LockProcess } from '../support/locks/simulated-process.js';

it('what came too late to be relied on is asked for again, and no give-back of it comes later still', async () => {
  await byTheSameChances(async () => {
    const slow = new Map([
      ['ask request', 60],
      ['ask reply', 60],
      ['release request', 350],
    ]);
    const world = new LockWorld({
      servers: 1,
      processes: 2,
      transit({ operation, way, process }) {
        const ms = process === 0 ? slow.get(`${operation} ${way}`) : undefined;
        slow.delete(`${operation} ${way}`);
        return ms ?? 1;
      },
    });
    const [first, second] = world.processes as readonly [LockProcess, LockProcess];
    const lock: Lock = await world.outcome(first.locks.acquire('door', { ttl: 100 }));
    const other = second.locks.acquire('door', { ttl: 100, wait: 600 });
    await expect(world.outcome(other)).rejects.toThrow('was not free');
    expect(lock.isHeld).toBe(true);
  });
});
