import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { alive } from './alive.js';
import { clusterView } from './cluster-view.js';
import { ownName, sharedCluster, sharedSentinel, sharedStandalone } from './shared-topologies.js';
import { setup } from './topology-keeper.js';

it('gives every file the same servers', async () => {
  const name = ownName('shared');
  const [redis, cluster, sentinel] = await Promise.all([sharedStandalone(), sharedCluster(), sharedSentinel()]);

  await redis.cli('SET', name, '1');
  expect(await (await sharedStandalone()).cli('GET', name)).toBe('1');

  const { port } = await cluster.nodeFor(name);
  await cluster.cli(port, 'SET', name, '2');
  expect(await (await sharedCluster()).cli(port, 'GET', name)).toBe('2');
  expect([await cluster.masters(), await cluster.replicas()].map((nodes) => nodes.length)).toEqual([3, 3]);

  const master = await sentinel.master();
  await sentinel.cli(master, 'SET', name, '3');
  expect(await (await sharedSentinel()).cli(master, 'GET', name)).toBe('3');
  expect([sentinel.ports.length, sentinel.sentinels.length]).toEqual([3, 3]);
  await Promise.all([cluster.healthy(), sentinel.healthy()]);
});

it('makes names no other test has', () => {
  expect(new Set([ownName('a'), ownName('a'), ownName('b')]).size).toBe(3);
});

it('starts nothing that nobody asks for, one of each however many ask, and leaves none', async () => {
  let url = '';
  const end = await setup({
    provide(_key, value) {
      url = value;
    },
  });
  const ask = async (name: string) => (await fetch(`${url}/${name}`)).json() as Promise<{ port: number; ports: number[] }>;
  const [one, two] = await Promise.all([ask('standalone'), ask('standalone')]);
  expect(one).toEqual(two);
  expect((await fetch(`${url}/toString`)).status).toBe(404);
  const ports = [one.port, ...(await ask('cluster')).ports];
  const { cli } = clusterView({ ports });
  const info = await Promise.all(ports.map((port) => cli(port, 'INFO', 'server')));
  const pids = info.map((text) => Number(/process_id:(\d+)/.exec(text)?.[1]));
  const dirs = await Promise.all(ports.map(async (port) => (await cli(port, 'CONFIG', 'GET', 'dir')).split('\n')[1] ?? ''));
  expect(pids.filter(alive)).toHaveLength(7);
  expect(dirs.filter(existsSync)).toHaveLength(7);
  await end();
  expect(pids.filter(alive)).toEqual([]);
  expect(dirs.filter(existsSync)).toEqual([]);
  await expect(fetch(url)).rejects.toThrow();
});
