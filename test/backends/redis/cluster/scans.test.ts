import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { redisStore } from '../../../../src/backends/redis/redis-store.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { systemClock } from '../../../../src/clock.js';
import { newEntry } from '../../../../src/entries/entry.js';
import { eventually } from '../../../support/eventually.js';
import { freeClusterPort } from '../../../support/free-port.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { startRedis } from '../../../support/redis-server.js';
import type { SlotMove } from '../../../support/slot-move.js';
import { within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());

describe.each(libraries)('scans over $library', ({ connect }) => {
  let connection: Connection;
  beforeEach(async () => {
    await cluster.flush();
    connection = connect({ nodes: cluster.addresses });
    await connection.connect();
  });
  afterEach(() => connection.close());

  /** One tag for each master. */
  async function tagsOfMasters(): Promise<string[]> {
    const masters = await cluster.masters();
    return masters.map(({ slots }) => {
      for (let index = 0; ; index++) {
        const tag = `tag${index}`;
        if (slots.some(([first, last]) => first <= slotOf(tag) && slotOf(tag) <= last)) return tag;
      }
    });
  }

  async function write(keys: readonly string[]): Promise<void> {
    const sets = keys.map((key) => ({ key, args: ['SET', key, 'v'] }));
    for (const reply of await connection.batch(sets, within())) expect(reply).toEqual(Buffer.from('OK'));
  }

  async function nextMaster(key: string): Promise<number> {
    const ports = (await cluster.masters()).map(({ port }) => port).sort();
    const owner = (await cluster.nodeFor(key)).port;
    return ports[(ports.indexOf(owner) + 1) % ports.length] as number;
  }

  it('finds every key on every master', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => `wanted:${index}`);
    await write([...keys, ...keys.map((key) => `un${key}`)]);
    const found: string[] = [];
    for await (const batch of connection.scan('wanted:*', 50, () => within())) found.push(...batch);
    expect(found.sort()).toEqual([...keys].sort());
  });

  it.each([
    ['have moved', (move: SlotMove) => move.migrate().then(() => move.finish())],
    ['are half moved', (move: SlotMove) => move.migrate(30)],
  ])('finds keys whose slots go from masters not seen yet to masters seen already, and %s', async (_, go) => {
    const tags = await tagsOfMasters();
    const keys = tags.flatMap((tag) => Array.from({ length: 60 }, (_, index) => `{${tag}}${index}`));
    await write(keys);
    const found = new Set<string>();
    const moves: SlotMove[] = [];
    // The first batch is from one master. The slots of all go on by one, so one of them goes to that master.
    for await (const batch of connection.scan('*', 1_000, () => within())) {
      for (const key of batch) found.add(key);
      if (moves.length > 0) continue;
      for (const tag of tags) moves.push(await cluster.beginMove(slotOf(tag), await nextMaster(`{${tag}}`)));
      for (const move of moves) await go(move);
    }
    for (const move of moves) await move.migrate().then(() => move.finish());
    expect([...found].sort()).toEqual([...keys].sort());
  });

  it('removes all that matches while slots move all the time, and leaves the rest', async () => {
    const store = redisStore(connection, { name: 'shop', clock: systemClock, leaseMs: 1_000, events: { unreadable() {} } });
    const tags = await tagsOfMasters();
    const keysOf = (prefix: string) =>
      tags.flatMap((tag) => Array.from({ length: 60 }, (_, index) => `${prefix}{${tag}}${index}`));
    const entry = newEntry('value', { ttl: 60_000, grace: 0 }, Date.now());
    await store.writeMany(new Map([...keysOf('old'), ...keysOf('kept')].map((key) => [key, entry])), within());
    let over = false;
    const moving = (async () => {
      for (let turn = 0; !over; turn++) {
        const tag = tags[turn % tags.length] as string;
        await cluster.moveSlot(slotOf(tag), await nextMaster(`{${tag}}`));
      }
    })();
    await store.removeMatching('', 'old*', () => within());
    over = true;
    await moving;
    const [old, kept] = [await store.readMany(keysOf('old'), within()), await store.readMany(keysOf('kept'), within())];
    expect([...old.keys()]).toEqual([]);
    expect(kept.size).toBe(180);
  });
});

it('finds keys that are on their way to a node that owns nothing yet, over every library', async () => {
  await cluster.flush();
  const newcomer = await startRedis({ pickPort: freeClusterPort, args: ['--cluster-enabled', 'yes'] });
  onTestFinished(() => newcomer.stop());
  const [first] = cluster.ports;
  await cluster.cli(first as number, 'CLUSTER', 'MEET', '127.0.0.1', String(newcomer.port));
  await eventually(async () => (await newcomer.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  const keys = Array.from({ length: 60 }, (_, index) => `{first}${index}`);
  const connections = libraries.map(({ connect }) => connect({ nodes: cluster.addresses }));
  const sets = keys.map((key) => ({ key, args: ['SET', key, 'v'] }));
  await connections[0]?.batch(sets, within());
  const move = await cluster.beginMove(slotOf('first'), newcomer.port);
  await move.migrate(30);
  expect(await newcomer.cli('DBSIZE')).toBe('30');
  for (const connection of connections) {
    const found = new Set<string>();
    for await (const batch of connection.scan('*', 100, () => within())) for (const key of batch) found.add(key);
    expect([...found].sort()).toEqual([...keys].sort());
    await connection.close();
  }
});
