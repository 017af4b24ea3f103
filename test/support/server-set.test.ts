import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { alive } from './alive.js';
import { eventually } from './eventually.js';
import type { RedisServer } from './redis-server.js';
import { startTogether } from './server-set.js';

it('leaves no server behind when one of them does not start', async () => {
  const started: RedisServer[] = [];
  const building = startTogether(async (start) => {
    const keep = async () => void started.push(await start({}));
    await Promise.all([keep(), start({ args: ['--no-such-setting', '1'] }), keep()]);
  });
  await expect(building).rejects.toThrow('no-such-setting');
  expect(started.map(({ pid, dir }) => [alive(pid), existsSync(dir)])).toEqual([
    [false, false],
    [false, false],
  ]);
});

it('leaves no node of a cluster and no Sentinel behind when the process that started them is killed', async () => {
  const code = `import { startCluster } from './test/support/redis-cluster.ts';
    import { startSentinel } from './test/support/redis-sentinel.ts';
    const [cluster, sentinel] = await Promise.all([startCluster(), startSentinel()]);
    const servers = [...cluster.ports.map(cluster.server), ...sentinel.ports.map(sentinel.server),
      ...sentinel.sentinels.map(({ port }) => sentinel.server(port))];
    console.log(JSON.stringify(servers.map(({ pid, dir }) => [pid, dir])));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout), 'line');
  const servers: [number, string][] = JSON.parse(String(line));
  expect(servers).toHaveLength(12);
  expect(servers.filter(([pid]) => !alive(pid))).toEqual([]);
  child.kill('SIGKILL');
  await eventually(() => expect(servers.filter(([pid, dir]) => alive(pid) || existsSync(dir))).toEqual([]));
});
