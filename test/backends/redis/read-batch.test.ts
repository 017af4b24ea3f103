import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/redis/connection.js';
import { batchReads } from '../../../src/backends/redis/read-batch.js';
import { ConnectionError, DeadlineError } from '../../../src/errors.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { ask, libraries, rejection, within } from './libraries.js';

describe.each(libraries)('batched reads over $library', ({ connect }) => {
  let server: RedisServer;
  let connection: Connection;

  beforeAll(async () => {
    server = await startRedis();
    connection = connect({ url: server.url, stallTimeout: 60_000 });
    await connection.batch(
      Array.from({ length: 2_000 }, (_, index) => ({ key: `k${index}`, args: ['SET', `k${index}`, `v${index}`] })),
      within(),
    );
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });
  beforeEach(() => server.cli('CONFIG', 'RESETSTAT'));

  const calls = async (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await server.cli('INFO', 'commandstats'))?.[1] ?? 0);

  it('sends a lone read as GET', async () => {
    const read = batchReads(connection);
    expect(await read('k1', within())).toEqual(Buffer.from('v1'));
    expect(await read('absent', within())).toBeNull();
    expect([await calls('get'), await calls('mget')]).toEqual([2, 0]);
  });

  it('sends what follows in the tick together, each read with its own value', async () => {
    const read = batchReads(connection);
    const keys = [...Array.from({ length: 300 }, (_, index) => `k${index}`), 'absent', 'k7', 'k7'];
    const values = await Promise.all(keys.map((key) => read(key, within())));
    expect(values.map((value) => value?.toString())).toEqual(
      keys.map((key) => (key === 'absent' ? undefined : key.replace('k', 'v'))),
    );
    expect([await calls('get'), await calls('mget')]).toEqual([1, 1]);
  });

  it('reads a key that many ask for in one tick twice at most, each reader in its own time', async () => {
    const read = batchReads(connection);
    const keys = Array.from({ length: 1_000 }, (_, index) => `k${index % 4}`);
    const values = await Promise.all(keys.map((key) => read(key, within())));
    expect(values.map(String)).toEqual(keys.map((key) => key.replace('k', 'v')));
    const before = await server.cli('INFO', 'stats');
    expect([await calls('get'), await calls('mget')]).toEqual([1, 2]);
    // Each MGET is of four keys and not of hundreds: that many were found.
    expect(Number(/keyspace_hits:(\d+)/.exec(before)?.[1])).toBe(9);
  });

  it('bounds a batch', async () => {
    const read = batchReads(connection);
    const values = await Promise.all(Array.from({ length: 1_200 }, (_, index) => read(`k${index}`, within())));
    expect(String(values[1_199])).toBe('v1199');
    expect([await calls('get'), await calls('mget')]).toEqual([1, 3]);
  });

  it('keeps the deadline of each reader', async () => {
    const read = batchReads(connection);
    server.freeze();
    try {
      const first = rejection(read('k0', within(40)));
      const short = rejection(read('k1', within(60)));
      const long = read('k2', within(10_000));
      expect(await first).toBeInstanceOf(DeadlineError);
      expect(await short).toBeInstanceOf(DeadlineError);
      server.thaw();
      expect(await long).toEqual(Buffer.from('v2'));
    } finally {
      server.thaw();
    }
  });

  it('waits for the first connection', async () => {
    const fresh = connect({ url: server.url });
    const read = batchReads(fresh);
    const values = await Promise.all(['k1', 'k2', 'k3'].map((key) => read(key, within())));
    expect(values.map(String)).toEqual(['v1', 'v2', 'v3']);
    await fresh.close();
  });

  it('fails every reader when the connection is gone', async () => {
    const gone = connect({ host: '127.0.0.1', port: 1 });
    const read = batchReads(gone);
    for (const error of await Promise.all(['k1', 'k2', 'k3'].map((key) => rejection(read(key, within()))))) {
      expect(error).toBeInstanceOf(ConnectionError);
    }
    await gone.close();
  });

  it('answers null for what is no string, unless it is read alone', async () => {
    const read = batchReads(connection);
    await ask(connection, 'SADD', 'set', 'm');
    expect((await rejection(read('set', within()))).message).toContain('WRONGTYPE');
    const [, value] = await Promise.all([read('k1', within()), read('set', within())]);
    expect(value).toBeNull();
  });
});
