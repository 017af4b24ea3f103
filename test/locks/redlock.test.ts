import type { Lock, Locks } from 'tierkeep/locks';
import { LockLostError } from 'tierkeep/locks';
import { expect, it } from 'vitest';
import { monitorCommands } from '../support/command-monitor.js';
import { eventually } from '../support/eventually.js';
import { redlockSite } from '../support/locks/redlock-site.js';

it('two that fight for a majority of two get on, one after the other', async () => {
  const site = await redlockSite(3);
  const rivals = [site.locks(), site.locks()];
  await site.servers[2]?.kill();
  const rounds = 100;
  const fences: number[] = [];
  let inside = 0;
  const fight = async (locks: Locks) => {
    for (let round = 0; round < rounds; round++) {
      await locks.use('door', { wait: '60s' }, async (lock) => {
        inside += 1;
        expect(inside).toBe(1);
        fences.push(lock.fencingToken);
        await new Promise(setImmediate);
        expect(lock.isHeld).toBe(true);
        inside -= 1;
      });
    }
  };
  await Promise.all(rivals.map(fight));
  expect(fences).toHaveLength(2 * rounds);
  expect(fences).toEqual([...new Set(fences)].sort((one, other) => one - other));
});

it('a server that comes back empty costs nothing where the lock is kept by a majority besides it', async () => {
  const site = await redlockSite(3);
  const [locks, others] = [site.locks(), site.locks()];
  const lock = await locks.acquire('door', { ttl: '60s' });
  await everywhere(site.servers.map(({ cli }) => cli));
  await site.servers[0]?.restart();
  await eventually(async () => expect(await others.tryAcquire('door')).toBeUndefined());
  await lock.refresh();
  expect(lock.isHeld).toBe(true);
  expect(await lock.release()).toBe(true);
});

it('one of those that are the whole majority does cost the lock: it may be had again at once, and its holder is told', async () => {
  const site = await redlockSite(3);
  const [locks, others] = [site.locks(), site.locks()];
  await site.networks[2]?.refuse();
  const lock = await locks.acquire('door', { ttl: '60s' });
  const { signal } = lock;
  await site.networks[2]?.accept();
  await site.servers[0]?.restart();
  const next = await others.acquire('door', { wait: '60s' });
  expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  await eventually(() => signal.aborted, { within: 30_000 });
  expect(signal.reason).toBeInstanceOf(LockLostError);
});

it('many who wait have it in the order in which they asked, told by push: nobody polls', async () => {
  const site = await redlockSite(3);
  const processes = Array.from({ length: 4 }, () => site.locks());
  const [first] = processes as [Locks];
  const lock = await first.acquire('door', { ttl: '60s' });
  const waiters = 24;
  const order: number[] = [];
  const passing: Promise<void>[] = [];
  for (let index = 0; index < waiters; index++) {
    const locks = processes[index % processes.length] as Locks;
    const passThrough = async (had: Lock) => {
      order.push(index);
      await had.release();
    };
    passing.push(locks.acquire('door', { wait: '60s', ttl: '60s' }).then(passThrough));
    await eventually(async () => (await first.inspect('door')).waiting === index + 1);
  }
  const monitors = await Promise.all(site.servers.map(({ port }) => monitorCommands(port)));
  const from = performance.now();
  await lock.release();
  await Promise.all(passing);
  expect(order).toEqual(order.map((_, index) => index));
  // A request, a confirmation and a release each, and what the first of each process asks about once a second.
  const lookedAfter = processes.length * (2 + (performance.now() - from) / 500);
  for (const monitor of monitors) {
    expect(monitor.commands.filter((name) => name === 'evalsha').length).toBeLessThanOrEqual(4 * waiters + lookedAfter);
    monitor.close();
  }
});

/** A majority is enough for its holder, and the third may be told later. */
async function everywhere(servers: readonly ((...args: string[]) => Promise<string>)[]): Promise<void> {
  await eventually(async () => {
    for (const cli of servers) expect(await cli('GET', 'tierkeep:lock:{door}')).not.toMatch(/^$|\?$/);
  });
}
