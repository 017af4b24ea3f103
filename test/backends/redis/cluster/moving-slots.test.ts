import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { defineScript } from '../../../../src/backends/redis/script.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { BackendError } from '../../../../src/errors.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { ask, rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());

const tags = ['a', 'b', 'c', 'd', 'e', 'f'];
const sum = defineScript('sum', `return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])`);

describe.each(libraries)('slots that move, over $library', ({ connect }) => {
  let connection: Connection;
  beforeEach(async () => {
    await cluster.flush();
    connection = connect({ nodes: cluster.addresses });
    await connection.connect();
  });
  afterEach(() => connection.close());

  async function elsewhere(key: string): Promise<number> {
    const owner = (await cluster.nodeFor(key)).port;
    return (await cluster.masters()).map(({ port }) => port).find((port) => port !== owner) as number;
  }

  it('loses nothing, fails nothing and runs nothing twice while slots move under load', async () => {
    const counts = new Map<string, number>();
    const expected = (key: string) => counts.get(key) ?? 0;
    let over = false;
    const load = Array.from({ length: 8 }, async (_, worker) => {
      for (let turn = 0; !over; turn++) {
        const keys = tags.map((tag) => `{${tag}}${worker}:${turn % 20}`);
        for (const key of keys) counts.set(key, expected(key) + 1);
        if (turn % 2 === 0) {
          const replies = await connection.batch(
            keys.map((key) => ({ key, args: ['INCR', key] })),
            within(),
          );
          expect(replies).toEqual(keys.map(expected));
        } else {
          const replies = await Promise.all(keys.map((key) => ask(connection, 'INCR', key)));
          expect(replies).toEqual(keys.map(expected));
        }
        expect((await connection.getMany(keys, within())).map(String)).toEqual(keys.map((key) => String(expected(key))));
      }
    });
    for (const tag of tags) await cluster.moveSlot(slotOf(tag), await elsewhere(tag));
    over = true;
    await Promise.all(load);
    const keys = [...counts.keys()];
    expect((await connection.getMany(keys, within())).map(String)).toEqual(keys.map((key) => String(expected(key))));
    expect(counts.size).toBeGreaterThan(100);
  });

  it('asks the new node for keys that have gone there already, and the old one for those that have not', async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `{asked}${index}`);
    for (const key of keys) await ask(connection, 'SET', key, key);
    const move = await cluster.beginMove(slotOf('asked'), await elsewhere('{asked}'));
    await move.migrate(10);
    const traffic = await cluster.traffic(async () => {
      expect((await connection.getMany(keys, within())).map(String)).toEqual(keys);
      expect((await Promise.all(keys.map((key) => ask(connection, 'GET', key)))).map(String)).toEqual(keys);
    });
    // Each GET counts where it ran, so 10 at each node for each of the two ways of asking.
    expect(traffic.get(move.to)?.commands.get('asking')).toBe(20);
    expect(traffic.get(move.to)?.commands.get('get')).toBe(20);
    expect(await ask(connection, 'SET', '{asked}new', 'v')).toEqual(Buffer.from('OK'));
    expect(await cluster.cli(move.to, 'CLUSTER', 'COUNTKEYSINSLOT', String(move.slot))).toBe('11');
    await move.migrate();
    await move.finish();
    expect((await connection.getMany(keys, within())).map(String)).toEqual(keys);
  });

  it('learns from one MOVED where the slot is', async () => {
    await ask(connection, 'SET', '{learnt}', 'v');
    const from = (await cluster.nodeFor('{learnt}')).port;
    await cluster.moveSlot(slotOf('learnt'), await elsewhere('{learnt}'));
    const traffic = await cluster.traffic(async () => {
      for (let index = 0; index < 10; index++) expect(String(await ask(connection, 'GET', '{learnt}'))).toBe('v');
    });
    // The redirected one does not count as a call, but as something to read.
    expect(traffic.get((await cluster.nodeFor('{learnt}')).port)?.commands.get('get')).toBe(10);
    expect(traffic.get(from)?.commands.get('get')).toBeUndefined();
  });

  it('says TRYAGAIN for keys that are at both nodes, when it has tried for a moment, and runs nothing', async () => {
    const [first, second] = ['{both}1', '{both}2'];
    await ask(connection, 'SET', first, '0');
    const move = await cluster.beginMove(slotOf('both'), await elsewhere('{both}'));
    const call = { script: sum, keys: [first, second], args: [] } as const;
    const error = await rejection(connection.script(call, within()));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toContain('TRYAGAIN');
    const [reply, other] = await connection.scripts([call, { ...call, keys: ['{other}1', '{other}2'] }], within());
    expect((reply as Error).message).toContain('TRYAGAIN');
    expect(other).toBe(2);
    await move.migrate();
    const late = connection.script(call, within());
    await move.finish();
    expect(await late).toBe(2);
    expect(String(await ask(connection, 'GET', first))).toBe('1');
  });
});
