import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { batchReads } from '../../../../src/backends/redis/read-batch.js';
import { defineScript } from '../../../../src/backends/redis/script.js';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { BackendError, ClosedError, DeadlineError } from '../../../../src/errors.js';
import { leastReads, type NodeTraffic, type Traffic } from '../../../support/cluster-traffic.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { ask, rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0, password: 'secret' });
});
afterAll(() => cluster?.stop());

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const hundred = Array.from({ length: 100 }, (_, index) => `key:${index}`);
const where = defineScript('where', `redis.call('SET', KEYS[1], ARGV[1]) return {KEYS[1], KEYS[2], ARGV[1]}`);
let scripts = 0;

function calls({ commands }: NodeTraffic, name: string): number {
  return commands.get(name) ?? 0;
}

describe.each(libraries)('commands on a Cluster over $library', ({ connect }) => {
  let connection: Connection;
  beforeEach(async () => {
    await cluster.flush();
    connection = connect({ nodes: cluster.urls });
    await connection.connect();
  });
  afterEach(() => connection.close());

  /** What the server reads is the least of several tries: a client asks about the cluster now and then. */
  async function mostRoundTrips(action: () => Promise<unknown>, look: (traffic: Traffic) => void = () => {}): Promise<number> {
    const tries: Traffic[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const traffic = await cluster.traffic(action);
      look(traffic);
      tries.push(traffic);
    }
    return Math.max(...leastReads(tries).values());
  }

  async function expectOneRoundTripPerMaster(action: () => Promise<unknown>, name: string, count: number) {
    const trips = await mostRoundTrips(action, (traffic) => {
      expect([...traffic.values()].reduce((sum, node) => sum + calls(node, name), 0)).toBe(count);
    });
    expect(trips).toBe(1);
  }

  it('says what it is', async () => {
    expect([connection.topology, connection.state, connection.slotOf('{a}b')]).toEqual(['cluster', 'ready', slotOf('a')]);
  });

  it('sends a batch over all slots in one round trip per master, replies in the order given', async () => {
    const sets = hundred.map((key) => ({ key, args: ['SET', key, `value of ${key}`] }));
    await expectOneRoundTripPerMaster(
      async () => expect(await connection.batch(sets, within())).toEqual(hundred.map(() => Buffer.from('OK'))),
      'set',
      100,
    );
    const gets = hundred.toReversed().map((key) => ({ key, args: ['GET', key] }));
    const replies = await connection.batch(gets, within());
    expect(replies.map(String)).toEqual(hundred.toReversed().map((key) => `value of ${key}`));
  });

  it('reads many keys in one round trip per master, values in the order asked', async () => {
    await connection.batch(
      hundred.map((key) => ({ key, args: ['SET', key, key] })),
      within(),
    );
    await ask(connection, 'LPUSH', 'a list', 'x');
    const asked = [...hundred, 'absent', 'a list', 'key:0'].toReversed();
    await expectOneRoundTripPerMaster(
      async () => {
        const values = await connection.getMany(asked, within());
        expect(values.map(String)).toEqual(asked.map((key) => (key.startsWith('key:') ? key : 'null')));
      },
      'get',
      // One that holds a list is refused, which does not count as a call.
      asked.length,
    );
    expect(await connection.getMany([], within())).toEqual([]);
  });

  it('runs many scripts in one round trip per master, and in another one those whose source it had to send', async () => {
    const run = async (name: string) => {
      const script = defineScript(name, `${where.source} -- ${name}`);
      const replies = await connection.scripts(
        hundred.map((key) => ({ script, keys: [key, `{${key}}2`], args: [`v${key}`] })),
        within(),
      );
      expect(replies.map((reply) => String(reply))).toEqual(hundred.map((key) => `${key},{${key}}2,v${key}`));
    };
    expect(await mostRoundTrips(() => run(`fresh${++scripts}`))).toBe(2);
    await expectOneRoundTripPerMaster(() => run(`fresh${scripts}`), 'evalsha', 100);
    const script = defineScript(`fresh${scripts}`, `${where.source} -- fresh${scripts}`);
    expect(String(await connection.script({ script, keys: ['a', '{a}b'], args: ['v'] }, within()))).toBe('a,{a}b,v');
  });

  it('sends what is asked in one tick together, but for the first of it, which waits for nothing', async () => {
    const read = batchReads(connection);
    const action = async () => {
      expect(await Promise.all(hundred.map((key) => read(key, within())))).toEqual(hundred.map(() => null));
    };
    const trips = await mostRoundTrips(action, (traffic) => {
      for (const node of traffic.values()) expect(calls(node, 'get')).toBeGreaterThan(10);
    });
    expect(trips).toBeLessThanOrEqual(2);
  });

  it('gives each command of a batch its own reply or error', async () => {
    await ask(connection, 'SET', 'text', 'x');
    const [incr, set, get] = await connection.batch(
      [
        { key: 'text', args: ['INCR', 'text'] },
        { key: 'other', args: ['SET', 'other', everyByte] },
        { key: 'absent', args: ['GET', 'absent'] },
      ],
      within(),
    );
    expect(incr).toBeInstanceOf(BackendError);
    expect([set, get]).toEqual([Buffer.from('OK'), null]);
    expect(await ask(connection, 'GET', 'other')).toEqual(everyByte);
    expect(await connection.batch([], within())).toEqual([]);
  });

  it('keeps the hash tags that users write, so that their keys share a script', async () => {
    const keys = ['{user:1}:a', 'b{user:1}'] as const;
    expect(String(await connection.script({ script: where, keys, args: ['v'] }, within()))).toBe(`${keys},v`);
    const error = await rejection(connection.script({ script: where, keys: ['{x}1', '{y}2'], args: ['v'] }, within()));
    expect(error).toBeInstanceOf(BackendError);
    expect(error.message).toContain('CROSSSLOT');
  });

  it('finds the slots of keys that are not ASCII', async () => {
    for (const key of ['é', '{ü}x', '漢字', 'a{}b', '{', '😀{tag}']) {
      expect(connection.slotOf(key)).toBe(await cluster.slotOf(key));
      expect(await ask(connection, 'SET', key, key)).toEqual(Buffer.from('OK'));
    }
  });

  it('answers what any node may answer, in turn', async () => {
    const traffic = await cluster.traffic(async () => {
      for (let turn = 0; turn < 6; turn++) {
        expect(await connection.command({ key: undefined, args: ['ECHO', 'hello'] }, within())).toEqual(Buffer.from('hello'));
      }
    });
    for (const node of traffic.values()) expect(calls(node, 'echo')).toBeGreaterThanOrEqual(2);
  });

  it('knows what the clock of each node shows', async () => {
    const [near, far] = ['{near}', '{far}'];
    expect((await cluster.nodeFor(near)).port).not.toBe((await cluster.nodeFor(far)).port);
    expect(Math.abs(connection.clockOffset(near))).toBeLessThan(1_000);
    connection.learnTime(far, Date.now() + 60_000);
    expect(connection.clockOffset(far)).toBeGreaterThan(59_000);
    expect(Math.abs(connection.clockOffset(near))).toBeLessThan(1_000);
  });

  it('refuses at once what has no time left, and does not send it', async () => {
    const past = performance.now() - 1;
    expect(await rejection(connection.command({ key: 'n', args: ['INCR', 'n'] }, past))).toBeInstanceOf(DeadlineError);
    const commands = hundred.map((key) => ({ key, args: ['INCR', key] }));
    expect(await rejection(connection.batch(commands, past))).toBeInstanceOf(DeadlineError);
    expect(await ask(connection, 'GET', 'n')).toBeNull();
  });

  it('connects with the first calls, which wait for it', async () => {
    const fresh = connect({ nodes: cluster.urls });
    expect(fresh.state).toBe('idle');
    const replies = await Promise.all([
      ask(fresh, 'SET', 'a', '1'),
      fresh.getMany(['b'], within()),
      fresh.batch([{ key: 'c', args: ['SET', 'c', '1'] }], within()),
    ]);
    expect(replies).toEqual([Buffer.from('OK'), [null], [Buffer.from('OK')]]);
    await fresh.close();
    expect(await rejection(ask(fresh, 'GET', 'a'))).toBeInstanceOf(ClosedError);
    expect(await rejection(fresh.batch([{ key: 'a', args: ['GET', 'a'] }], within()))).toBeInstanceOf(ClosedError);
    await fresh.connect();
    expect(fresh.state).toBe('closed');
  });
});
