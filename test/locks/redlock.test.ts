import type { Lock, Locks } from 'tierkeep/locks';
import { LockLostError } from 'tierkeep/locks';
import { expect, it } from 'vitest';
import { monitorCommands } from '../support/command-monitor.js';
import { eventually } from '../support/eventually.js';
import { redlockSite } from '../support/locks/redlock-site.js';

it('two that are each given a part of the majority, a hundred times, get on one after the other', async () => {
  const { servers, networks, locks } = await redlockSite(3);
  const [near, far] = [servers.map(({ url }) => ({ url })), networks.map(({ url }) => ({ url }))];
  // Each reaches another one first, so each is given a part.
  const rivals = [0, 1].map((first) =>
    locks({ nodes: near.map((node, index) => (index === first ? node : (far[index] ?? node))) }),
  );
  for (const network of networks) network.latency(3);
  await servers[2]?.kill();
  const fences = new Map<string, number[]>();
  const rounds = 100;
  for (let round = 0; round < rounds; round++) {
    const door = `door ${round}`;
    let inside = 0;
    const pass = async (lock: Lock) => {
      inside += 1;
      expect(inside).toBe(1);
      fences.set(door, [...(fences.get(door) ?? []), lock.fencingToken]);
      await new Promise(setImmediate);
      expect(lock.isHeld).toBe(true);
      inside -= 1;
    };
    await Promise.all(rivals.map((rival) => rival.use(door, { wait: '60s' }, pass)));
  }
  for (const [earlier = 0, later = 0] of fences.values()) expect(later).toBeGreaterThan(earlier);
  expect(fences.size).toBe(rounds);
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
  const waiters = 40;
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
  // Those that ask about once a second whether it is free would have it after half a second each.
  const passed = performance.now() - from;
  expect(passed).toBeLessThan(6_000);
  // A request, a confirmation and a release each, and what the first of each process asks now and then.
  const lookedAfter = processes.length * (2 + passed / 500);
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
