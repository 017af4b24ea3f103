import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../../src/errors.js';
import { monitorCommands } from '../support/command-monitor.js';
import { eventually } from '../support/eventually.js';
import { type RedlockSite, redlockSite } from '../support/locks/redlock-site.js';

/** Far below the budget: whoever waited for a server that does not answer would be later. */
const soonMs = 15_000;

type Fault = (site: RedlockSite, server: number) => Promise<void>;

const faults: Readonly<Record<string, Fault>> = {
  killed: ({ servers }, server) => servers[server]?.kill() ?? Promise.resolve(),
  frozen: async ({ servers }, server) => servers[server]?.freeze(),
  slow: async ({ networks }, server) => networks[server]?.latency(200),
};

const minorities = [
  [1, 3],
  [2, 5],
] as const;

describe.each(Object.entries(faults))('servers that are %s', (_name, fault) => {
  it.each(minorities)('%i of %i: the lock is taken, keeps others off, is renewed, and is handed over', async (away, of) => {
    const site = await redlockSite(of);
    const [locks, others] = [site.locks(), site.locks()];
    const warm = await locks.acquire('warm');
    await warm.release();
    for (let server = 0; server < away; server++) await fault(site, server);

    const from = performance.now();
    const lock = await locks.acquire('door', { ttl: '20s' });
    expect(await others.tryAcquire('door')).toBeUndefined();
    await lock.refresh();
    const next = others.acquire('door', { wait: '60s' });
    await eventually(async () => (await locks.inspect('door')).waiting === 1, { within: soonMs });
    expect(await lock.release()).toBe(true);
    const handedOver = await next;
    expect(handedOver.fencingToken).toBeGreaterThan(lock.fencingToken);
    expect(await handedOver.release()).toBe(true);
    expect(performance.now() - from).toBeLessThan(soonMs);
  });
});

it.each(['killed', 'frozen'] as const)('without a majority, %s: a ConnectionError, within the budget', async (fault) => {
  const site = await redlockSite(3);
  const locks = site.locks({ budget: 500 });
  await (await locks.acquire('warm')).release();
  for (const server of [0, 1]) await faults[fault]?.(site, server);
  const from = performance.now();
  await expect(locks.acquire('door', { wait: '60s' })).rejects.toThrow(ConnectionError);
  await expect(locks.tryAcquire('door')).rejects.toThrow('only 1 of 3 Redis answered, and a lock needs 2');
  expect(performance.now() - from).toBeLessThan(soonMs);
});

it('who waits outlasts that a majority is away for a while', async () => {
  const site = await redlockSite(3);
  const [locks, others] = [site.locks(), site.locks({ budget: 200 })];
  const lock = await locks.acquire('door', { ttl: '60s', autoRenew: false });
  const next = others.acquire('door', { wait: '60s' });
  await eventually(async () => (await locks.inspect('door')).waiting === 1);
  const monitor = await monitorCommands(site.servers[2]?.port ?? 0);
  const cutOff = site.networks.slice(0, 2);
  for (const network of cutOff) {
    await network.refuse();
    network.cut();
  }
  monitor.forget();
  await eventually(() => monitor.commands.includes('evalsha'));
  monitor.close();
  await expect(others.tryAcquire('other')).rejects.toThrow(ConnectionError);
  for (const network of cutOff) await network.accept();
  await lock.release();
  expect((await next).fencingToken).toBeGreaterThan(lock.fencingToken);
});
