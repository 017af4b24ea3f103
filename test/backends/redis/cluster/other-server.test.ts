import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectCluster } from '../../../../src/backends/redis/cluster.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { type Sightings, watchServers } from '../sightings.js';
import { libraries } from './libraries.js';

const key = '{victim}';

describe('that another node answers for a key', () => {
  let cluster: RedisCluster;
  let watched: Sightings[];
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  beforeEach(async () => {
    await cluster.healthy();
    watched = libraries.flatMap(({ library, connect, client }) => [
      watchServers(library, connect({ nodes: cluster.addresses }), key),
      watchServers(`a client of ${library}`, connectCluster({ client: client(cluster.addresses) }), key),
    ]);
    await eventually(() => watched.every(({ answers }) => answers > 0), { within: 15_000 });
  });
  afterEach(() => Promise.all(watched.map((each) => each.stop())));

  /** All are answered by the node on this port, and none was before it had told. */
  async function followed(port: number) {
    const info = await cluster.cli(port, 'INFO', 'server');
    await eventually(() => watched.every(({ server }) => info.includes(server)), { within: 20_000 });
    for (const each of watched) each.expectToldInTime();
  }

  it('is told before its first answer when slots were moved', async () => {
    const slot = await cluster.slotOf(key);
    const owner = await cluster.nodeFor(key);
    const other = (await cluster.masters()).find(({ port }) => port !== owner.port)?.port ?? 0;
    const affected: [moved: boolean, another: boolean][] = [];
    for (const { connection } of watched) {
      connection.onOtherServer((isAffected) => affected.push([isAffected(`${key}:x`), isAffected('another')]));
    }
    await cluster.moveSlot(slot, other);
    await followed(other);
    // Of a slot that is moved what is in it, and nothing else.
    expect(affected.length).toBeGreaterThanOrEqual(watched.length);
    expect(affected.filter(([moved, another]) => !moved || another)).toEqual([]);
  });

  it('is told before its first answer when a replica takes the place of a master that was killed', async () => {
    const { port } = await cluster.nodeFor(key);
    await cluster.kill(port);
    await eventually(async () => (await cluster.nodeFor(key)).port !== port, { within: 20_000 });
    await followed((await cluster.nodeFor(key)).port);
    await cluster.restart(port);
  });

  it('is told before its first answer when a replica takes its place without asking, though it knows less', async () => {
    const owner = await cluster.nodeFor(key);
    const heir = (await cluster.replicas()).find(({ masterId }) => masterId === owner.id)?.port ?? 0;
    await cluster.failover(heir, 'TAKEOVER');
    await followed(heir);
  });
});

describe('a node of a cluster without replicas', () => {
  let cluster: RedisCluster;
  let watched: Sightings[] = [];
  beforeAll(async () => {
    // Nobody takes another one's place, however long it is away.
    cluster = await startCluster({ replicas: 0, nodeTimeout: 30_000 });
  });
  afterAll(() => cluster?.stop());
  afterEach(() => Promise.all(watched.map((each) => each.stop())));

  it('is told of when it was restarted empty, and not when the same one is connected to again', async () => {
    watched = libraries.map(({ library, connect }) => watchServers(library, connect({ nodes: cluster.addresses }), key));
    await eventually(() => watched.every(({ answers }) => answers > 0), { within: 15_000 });
    const before = watched.map(({ told }) => told);
    const { port } = await cluster.nodeFor(key);
    for (const node of cluster.ports) await cluster.cli(node, 'CLIENT', 'KILL', 'TYPE', 'normal');
    const counts = watched.map(({ answers }) => answers);
    await eventually(() => watched.every(({ answers }, index) => answers > (counts[index] ?? 0) + 2), { within: 15_000 });
    expect(watched.map(({ told }) => told)).toEqual(before);

    await cluster.restart(port);
    await eventually(() => watched.every(({ servers }) => servers === 2), { within: 20_000 });
    for (const each of watched) each.expectToldInTime();
  });
});
