import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alive } from './alive.js';
import { type RedisSentinel, startSentinel } from './redis-sentinel.js';

let topology: RedisSentinel;

beforeAll(async () => {
  topology = await startSentinel({ password: 'p:w@/1', sentinelPassword: 's:w@/2', minReplicasToWrite: 1 });
});
afterAll(() => topology?.stop());

/** Written and on a replica. Each test leaves the topology whole for the next. */
async function write(value: string): Promise<number> {
  const master = await topology.master();
  await topology.cli(master, 'SET', 'k', value);
  expect(await topology.cli(master, 'WAIT', '2', '5000')).toBe('2');
  return master;
}

const read = async () => topology.cli(await topology.master(), 'GET', 'k');
const replicasOf = (port: number) => topology.ports.filter((each) => each !== port);

describe('startSentinel', () => {
  it('starts a master with two replicas that three Sentinels watch, behind passwords', async () => {
    const master = await write('v');
    expect(topology.ports).toHaveLength(3);
    for (const replica of replicasOf(master)) expect(await topology.cli(replica, 'GET', 'k')).toBe('v');
    await expect(topology.cli(replicasOf(master)[0] ?? 0, 'SET', 'k', 'v')).rejects.toThrow('READONLY');
    expect(topology.sentinels).toHaveLength(3);
    for (const { port } of topology.sentinels) {
      const address = await topology.cli(port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', topology.masterName);
      expect(address).toBe(`127.0.0.1\n${master}`);
      expect(await topology.cli(port, 'SENTINEL', 'CKQUORUM', topology.masterName)).toContain('OK 3 usable');
    }
    expect(() => topology.freeze(1)).toThrow('port 1');
  });

  it('fails over when asked, after which the old master is a replica', async () => {
    const before = await write('asked');
    const after = await topology.failover();
    expect(after).not.toBe(before);
    expect(await topology.master()).toBe(after);
    await topology.healthy();
    expect(await topology.cli(before, 'ROLE')).toContain('slave');
    expect(await read()).toBe('asked');
  });

  it('replaces a master that was killed, which comes back as a replica', async () => {
    const victim = await write('killed');
    await topology.kill(victim);
    await expect(topology.master()).rejects.toThrow(`${victim}`);
    const master = await topology.waitForMaster({ otherThan: victim, within: 5_000 });
    expect(await read()).toBe('killed');
    await topology.restart(victim);
    await topology.healthy();
    expect(await topology.cli(victim, 'ROLE')).toContain(String(master));
    expect(await topology.cli(victim, 'GET', 'k')).toBe('killed');
  });

  it('replaces a master that froze, which finds out when it thaws', async () => {
    const victim = await write('frozen');
    topology.freeze(victim);
    await topology.waitForMaster({ otherThan: victim, within: 5_000 });
    topology.thaw(victim);
    await topology.healthy();
    expect(await topology.cli(victim, 'ROLE')).toContain('slave');
    expect(await read()).toBe('frozen');
  });

  it('goes on without a Sentinel, which remembers all when it comes back', async () => {
    const [sentinel = 0] = topology.sentinels.map(({ port }) => port);
    const master = await topology.master();
    await topology.kill(sentinel);
    await topology.healthy();
    await topology.restart(sentinel);
    await topology.healthy();
    expect(await topology.cli(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', topology.masterName)).toContain(`${master}`);
  });

  it('takes no writes with too few replicas', async () => {
    const master = await topology.master();
    await topology.flush();
    expect(await topology.cli(master, 'DBSIZE')).toBe('0');
    await Promise.all(replicasOf(master).map((port) => topology.kill(port)));
    await expect(topology.cli(master, 'SET', 'k', 'v')).rejects.toThrow('NOREPLICAS');
  });

  it('stops everything, frozen and dead servers too, and removes what they wrote', async () => {
    const servers = [...topology.nodes, ...topology.sentinels.map(({ port }) => topology.server(port))];
    topology.freeze(await topology.master());
    await topology.stop();
    await topology.stop();
    expect(servers).toHaveLength(6);
    expect(servers.filter(({ pid, dir }) => alive(pid) || existsSync(dir))).toEqual([]);
  });
});
