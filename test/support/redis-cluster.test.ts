import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { alive } from './alive.js';
import { eventually } from './eventually.js';
import { type RedisCluster, startCluster } from './redis-cluster.js';

const password = 'p:w@/ "1"';
let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startCluster({ password });
});
afterAll(() => cluster?.stop());

// One cluster for all tests of the file: each leaves it whole.
const keys = (tag: string, count: number) => Array.from({ length: count }, (_, index) => `{${tag}}${index}`);

async function write(tag: string, count: number) {
  const { port } = await cluster.nodeFor(`{${tag}}`);
  await cluster.cli(port, 'MSET', ...keys(tag, count).flatMap((key) => [key, `value of ${key}`]));
  return port;
}

async function read(tag: string, count: number) {
  const { port } = await cluster.nodeFor(`{${tag}}`);
  return (await cluster.cli(port, 'MGET', ...keys(tag, count))).split('\n');
}

const valuesOf = (tag: string, count: number) => keys(tag, count).map((key) => `value of ${key}`);

async function otherMaster(port: number) {
  const other = (await cluster.masters()).find((master) => master.port !== port);
  if (other === undefined) throw new Error('there is one master only');
  return other.port;
}

async function replicaOf(port: number) {
  const id = await cluster.cli(port, 'CLUSTER', 'MYID');
  const replica = (await cluster.replicas()).find(({ masterId }) => masterId === id);
  if (replica === undefined) throw new Error(`master ${port} has no replica`);
  return replica.port;
}

describe('startCluster', () => {
  it('starts three masters that own all slots, each with a replica, all behind a password', async () => {
    const masters = await cluster.masters();
    const owned = masters.flatMap(({ slots }) => slots.map(([first, last]) => last - first + 1));
    expect(owned.reduce((sum, count) => sum + count)).toBe(16_384);
    expect(masters.map(({ port }) => port).sort()).toEqual(
      cluster.nodes
        .filter(({ role }) => role === 'master')
        .map(({ port }) => port)
        .sort(),
    );
    const followed = (await cluster.replicas()).map(({ masterId }) => masterId);
    expect(followed.sort()).toEqual(masters.map(({ id }) => id).sort());
    expect(await cluster.slotOf('{user}:1')).toBe(await cluster.slotOf('user'));
    expect(cluster.urls.map((url) => decodeURIComponent(new URL(url).password))).toEqual(Array(6).fill(password));

    const { port } = await cluster.nodeFor('greeting');
    await cluster.cli(port, 'SET', 'greeting', 'hello');
    await expect(cluster.cli(await otherMaster(port), 'GET', 'greeting')).rejects.toThrow(`127.0.0.1:${port}`);
    expect(() => cluster.freeze(1)).toThrow('port 1');
  });

  it('counts commands and round trips on the servers', async () => {
    const port = await write('counted', 10);
    const socket = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    socket.write(`AUTH "${password.replaceAll('"', '\\"')}"\r\n`);
    await once(socket, 'data');
    const traffic = await cluster.traffic(async () => {
      socket.write(
        keys('counted', 10)
          .map((key) => `GET ${key}\r\n`)
          .join(''),
      );
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk;
      });
      await eventually(() => received.includes('value of {counted}9\r\n'));
    });
    expect(traffic.get(port)).toEqual({ commands: new Map([['get', 10]]), reads: 1 });
    expect(traffic.get(await otherMaster(port))).toEqual({ commands: new Map(), reads: 0 });
    expect((await cluster.commandCounts()).get(port)?.commands.get('get')).toBeGreaterThanOrEqual(10);
  });

  it('moves a slot with its keys, step by step', async () => {
    const from = await write('moved', 250);
    const to = await otherMaster(from);
    const slot = await cluster.slotOf('moved');
    const move = await cluster.beginMove(slot, to);
    await expect(cluster.cli(from, 'GET', '{moved}new')).rejects.toThrow(`ASK ${slot} 127.0.0.1:${to}`);
    expect(await move.migrate(120)).toBe(120);
    expect(await cluster.cli(from, 'CLUSTER', 'COUNTKEYSINSLOT', String(slot))).toBe('130');
    expect((await cluster.nodeFor('moved')).port).toBe(from);
    await expect(cluster.beginMove(slot, from)).rejects.toThrow('already');
    expect(await move.migrate()).toBe(130);
    await move.finish();
    expect((await cluster.nodeFor('moved')).port).toBe(to);
    await cluster.healthy();
    expect(await read('moved', 250)).toEqual(valuesOf('moved', 250));
    await expect(cluster.cli(from, 'GET', '{moved}0')).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to}`);

    expect(await cluster.moveSlot(slot, from)).toBe(250);
    await cluster.healthy();
    expect(await read('moved', 250)).toEqual(valuesOf('moved', 250));
  });

  it('fails over without loss when asked', async () => {
    const before = await write('asked', 20);
    const replica = await replicaOf(before);
    await cluster.failover(replica);
    expect((await cluster.nodeFor('asked')).port).toBe(replica);
    expect(await replicaOf(replica)).toBe(before);
    expect(await read('asked', 20)).toEqual(valuesOf('asked', 20));
    await expect(cluster.failover(replica)).rejects.toThrow(/replica/);
  });

  it('replaces a master that was killed, which comes back as a replica', async () => {
    const victim = await write('killed', 20);
    const replica = await replicaOf(victim);
    await cluster.cli(victim, 'WAIT', '1', '5000');
    await cluster.kill(victim);
    expect((await cluster.masters()).map(({ port }) => port)).not.toContain(victim);
    await eventually(async () => expect((await cluster.nodeFor('killed')).port).toBe(replica), { within: 5_000 });
    await cluster.healthy();
    expect(await read('killed', 20)).toEqual(valuesOf('killed', 20));
    await cluster.restart(victim);
    await cluster.healthy();
    expect(await replicaOf(replica)).toBe(victim);
  });

  it('replaces a master that froze, which finds out when it thaws', async () => {
    const victim = await write('frozen', 1);
    const replica = await replicaOf(victim);
    cluster.freeze(victim);
    await eventually(async () => expect((await cluster.nodeFor('frozen')).port).toBe(replica), { within: 5_000 });
    cluster.thaw(victim);
    await cluster.healthy();
    expect(await replicaOf(replica)).toBe(victim);
  });

  it('empties all of it', async () => {
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((tag) => write(tag, 5)));
    await cluster.flush();
    const sizes = (await cluster.masters()).map(({ port }) => cluster.cli(port, 'DBSIZE'));
    expect(await Promise.all(sizes)).toEqual(['0', '0', '0']);
  });

  it('stops everything, frozen and dead nodes too, and removes what they wrote', async () => {
    const [first, second] = cluster.ports as [number, number];
    cluster.freeze(first);
    await cluster.kill(second);
    await cluster.stop();
    await cluster.stop();
    expect(cluster.nodes.filter(({ server }) => alive(server.pid) || existsSync(server.dir))).toEqual([]);
  });
});
