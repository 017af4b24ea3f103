import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { defineScript } from '../../../../src/backends/redis/script.js';
import { ConnectionError, DeadlineError } from '../../../../src/errors.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { startProxy, type Proxy as TcpProxy } from '../../../support/tcp-proxy.js';
import { ask, rejection, within } from '../libraries.js';
import { libraries } from './libraries.js';

const incr = defineScript('incr', `return redis.call('INCR', KEYS[1])`);

let cluster: RedisCluster;
let proxies: Map<number, TcpProxy>;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
  const entries = cluster.ports.map(async (port) => [port, await startProxy(port)] as const);
  proxies = new Map(await Promise.all(entries));
});
afterAll(async () => {
  for (const proxy of proxies?.values() ?? []) await proxy.close();
  await cluster?.stop();
});

describe.each(libraries)('links that are cut, over $library', ({ connect }) => {
  let connection: Connection;
  beforeEach(async () => {
    await cluster.flush();
    const natMap = (announced: string) => proxies.get(Number(announced.split(':').at(-1)));
    connection = connect({ nodes: [...proxies.values()], natMap, drainTimeout: 200 });
    await connection.connect();
  });
  afterEach(() => connection.close());

  it.each([1, 3])('that are slow fail what comes too late, as a part or as the whole: %s of 3', async (count) => {
    const keys = Array.from({ length: 12 }, (_, index) => `key:${index}`);
    const slow = [...proxies.values()].slice(0, count);
    for (const proxy of slow) proxy.latency(150);
    const partial = async () => {
      const replies = await connection.getMany(keys, within(100)).catch(() => []);
      return replies.flatMap((reply) => (reply instanceof DeadlineError ? [reply.partial] : []));
    };
    // Each node has to be late once before it is known to be.
    await eventually(async () => {
      const late = await partial();
      if (late.length === 0) return false;
      return late.every((isPartial) => isPartial === (count === 1));
    });
    for (const proxy of slow) proxy.latency(0);
    await eventually(async () => (await partial()).length === 0);
    expect(connection.state).toBe('ready');
  });

  it('fail what was in flight, which is never sent again, and come back', async () => {
    const keys = Array.from({ length: 12 }, (_, index) => `key:${index}`);
    // Every script is known everywhere, so that none is sent a second time for that.
    await connection.scripts(
      keys.map((key) => ({ script: incr, keys: [`warm:${key}`], args: [] })),
      within(),
    );
    for (const proxy of proxies.values()) proxy.pause('to-client');
    const single = keys.map((key) => rejection(ask(connection, 'INCR', `one:${key}`)));
    const batch = connection.batch(
      keys.map((key) => ({ key: `batch:${key}`, args: ['INCR', `batch:${key}`] })),
      within(),
    );
    const scripts = connection.scripts(
      keys.map((key) => ({ script: incr, keys: [`script:${key}`], args: [] })),
      within(),
    );
    const sent = async () => {
      const sizes = cluster.ports.map(async (port) => Number(await cluster.cli(port, 'DBSIZE')));
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    };
    await eventually(async () => (await sent()) === 4 * keys.length);
    for (const proxy of proxies.values()) proxy.cut();
    for (const proxy of proxies.values()) proxy.resume();
    for (const error of await Promise.all(single)) expect(error).toBeInstanceOf(ConnectionError);
    for (const error of [...(await batch), ...(await scripts)]) expect(error).toBeInstanceOf(ConnectionError);
    await eventually(() => connection.state === 'ready' && ask(connection, 'GET', 'k').then(() => true));
    const names = ['one', 'batch', 'script'].flatMap((kind) => keys.map((key) => `${kind}:${key}`));
    await eventually(async () => {
      const values = await connection.getMany(names, within());
      expect(values.map(String)).toEqual(names.map(() => '1'));
    });
  });
});
