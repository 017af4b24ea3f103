import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { eventually } from '../../../support/eventually.js';
import { raiseEpoch } from '../../../support/raise-epoch.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import type { SlotMove } from '../../../support/slot-move.js';
import { rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const key = 'shop:probe';

/** It resolves at once where the map was looked at by itself just before. */
const outcome = (connection: Connection) =>
  connection.probe(key, within()).then(
    () => 'resolved',
    (error: Error) => error.message,
  );

describe.each(libraries)('the probe over $library', ({ connect }) => {
  let connection: Connection;
  let move: SlotMove | undefined;
  beforeEach(async () => {
    await cluster.healthy();
    connection = connect({ nodes: cluster.addresses });
    await connection.connect();
  });
  afterEach(async () => {
    await connection.close();
    await move?.migrate();
    await move?.finish();
    move = undefined;
  });
  const resolves = () => eventually(() => connection.probe(key, within()).then(() => true));

  it('is a write at every master, which leaves nothing', async () => {
    await resolves();
    const traffic = await cluster.traffic(() => connection.probe(key, within()));
    const writes = [...traffic].map(([port, { commands }]) => [port, commands.get('del') ?? 0]);
    const masters = (await cluster.masters()).map(({ port }) => port);
    expect(new Map(writes as [number, number][])).toEqual(
      new Map(cluster.ports.map((port) => [port, masters.includes(port) ? 1 : 0])),
    );
    for (const port of masters) expect(await cluster.cli(port, 'KEYS', `${key}*`)).toBe('');
  });

  it('takes another slot of the master when the one it used is on its way', async () => {
    await resolves();
    const used = slotOf('0');
    const owner = (await cluster.nodeFor('0')).port;
    const other = (await cluster.masters()).find(({ port }) => port !== owner)?.port as number;
    move = await cluster.beginMove(used, other);
    await connection.probe(key, within());
    await connection.probe(key, within());
  });

  it('fails when one master takes no writes', async () => {
    const [, second] = await cluster.masters();
    await cluster.cli(second?.port ?? 0, 'CONFIG', 'SET', 'min-replicas-to-write', '2');
    try {
      expect((await rejection(connection.probe(key, within()))).message).toContain('NOREPLICAS');
    } finally {
      await cluster.cli(second?.port ?? 0, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
    }
    await resolves();
  });

  it('fails after a master was replaced, and then goes to the new one', async () => {
    await resolves();
    const [replica] = await cluster.replicas();
    await cluster.failover(replica?.port ?? 0, 'TAKEOVER');
    expect(await outcome(connection)).toMatch(/MOVED|is not what it was|^resolved$/);
    await resolves();
    const traffic = await cluster.traffic(() => connection.probe(key, within()));
    expect(traffic.get(replica?.port ?? 0)?.commands.get('del')).toBe(1);
  });
});

it('fails at a master that is cut off from the others and does not know that it was replaced, over every library', async () => {
  const [cutOff, ...others] = await cluster.masters();
  await raiseEpoch(cluster, others[0]?.port ?? 0);
  await cluster.healthy();
  const connections = libraries.map(({ connect }) => connect({ nodes: cluster.addresses }));
  for (const connection of connections) await eventually(() => connection.probe(key, within()).then(() => true));
  const replica = (await cluster.replicas()).find(({ masterId }) => masterId === cutOff?.id);
  // It hears nobody whom it does not know, and thinks the cluster is whole without them.
  const ids = (await Promise.all(cluster.ports.map((port) => cluster.cli(port, 'CLUSTER', 'MYID')))).filter(
    (id) => id !== cutOff?.id,
  );
  for (const id of ids) await cluster.cli(cutOff?.port ?? 0, 'CLUSTER', 'FORGET', id);
  await cluster.cli(replica?.port ?? 0, 'CLUSTER', 'FAILOVER', 'TAKEOVER');
  await eventually(async () => {
    const seen = await Promise.all(others.map(({ port }) => cluster.cli(port, 'CLUSTER', 'NODES')));
    return seen.every((nodes) => new RegExp(`:${replica?.port}@\\S+ master`).test(nodes));
  });
  const tag = Array.from({ length: 1_000 }, (_, index) => String(index)).find((index) =>
    cutOff?.slots.some(([first, last]) => first <= slotOf(index) && slotOf(index) <= last),
  );
  expect(await cluster.cli(cutOff?.port ?? 0, 'DEL', `${key}:{${tag}}`)).toBe('0');
  for (const connection of connections) {
    expect(await outcome(connection)).toMatch(/is not what it was|^resolved$/);
    await eventually(() => connection.probe(key, within()).then(() => true));
  }
  const traffic = await cluster.traffic(() => Promise.all(connections.map((connection) => connection.probe(key, within()))));
  expect(traffic.get(cutOff?.port ?? 0)?.commands.get('del') ?? 0).toBe(0);
  expect(traffic.get(replica?.port ?? 0)?.commands.get('del')).toBe(connections.length);
  await Promise.all(connections.map((connection) => connection.close()));
});
