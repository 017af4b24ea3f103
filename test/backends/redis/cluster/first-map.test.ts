import { expect, it } from 'vitest';
import { sharedCluster } from '../../../support/shared-topologies.js';
import { ask } from '../libraries.js';
import { libraries } from './libraries.js';

it.each(libraries)('is ready at once when it begins at a replica, over $library', async ({ connect }) => {
  const cluster = await sharedCluster();
  const replicas = (await cluster.replicas()).map(({ port }) => ({ host: '127.0.0.1', port }));
  const connection = connect({ nodes: replicas });
  const states: string[] = [];
  connection.onState((state) => states.push(state));
  await connection.connect();
  expect(states).toEqual(['connecting', 'ready']);
  expect(await ask(connection, 'GET', 'first-map')).toBeNull();
  await connection.close();
});
