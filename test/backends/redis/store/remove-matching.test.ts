import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { libraries, within } from '../libraries.js';
import { entry, storeOpener } from './open-store.js';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => server.cli('FLUSHALL'));

const openStore = storeOpener();

describe.each(libraries)('removal by pattern over $library', ({ connect }) => {
  it('looks for leases first, so that a fill between its two looks is refused', async () => {
    const loader = openStore(connect({ url: server.url }));
    const remover = openStore(connect({ url: server.url }));
    expect(await loader.leases.load('k', 'token', '', within())).toEqual({ state: 'granted' });
    const { connection } = remover;
    const scan = connection.scan.bind(connection);
    let stored: boolean | undefined;
    connection.scan = async function* (...args) {
      yield* scan(...args);
      stored ??= await loader.leases.fill('k', 'token', entry('old'), within());
    };
    await remover.removeMatching('', 'k*', () => within());
    expect(stored).toBe(false);
    expect(await loader.read('k', within())).toBeUndefined();
  });
});
