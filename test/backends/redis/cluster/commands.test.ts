import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/backends/redis/connection.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import { ask, within } from '../libraries.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster.stop());

describe.each(libraries)('commands on a Cluster over $library', ({ connect }) => {
  let connection: Connection;
  beforeEach(async () => {
    await cluster.flush();
    connection = connect({ nodes: cluster.addresses });
  });
  afterEach(() => connection.close());

  it('works', async () => {
    await connection.connect();
    expect(connection.state).toBe('ready');
    for (let i = 0; i < 50; i++) expect(await ask(connection, 'SET', `k${i}`, `v${i}`)).toEqual(Buffer.from('OK'));
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    expect((await connection.getMany(keys, within())).map(String)).toEqual(keys.map((_, i) => `v${i}`));
  });
});
