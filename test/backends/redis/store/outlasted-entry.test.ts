import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newEntry } from '../../../../src/entries/entry.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { libraries, within } from '../libraries.js';
import { entry, storeOpener } from './open-store.js';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

describe.each(libraries)('a fill over $library that replaces an entry', ({ connect }) => {
  const open = storeOpener();

  it('is stored when that one ended by itself meanwhile', async () => {
    await server.cli('FLUSHALL');
    const store = open(connect({ url: server.url }));
    const old = newEntry('old', { ttl: 1_000, grace: 0 }, Date.now());
    await store.write('k', old, within());
    expect(await store.leases.load('k', 'token', old.stamp, within())).toEqual({ state: 'granted' });
    await eventually(async () => (await server.cli('EXISTS', 'shop:cache:{k}')) === '0');
    expect(await store.leases.fill('k', 'token', entry('new'), within())).toBe(true);
    expect((await store.read('k', within()))?.value).toBe('new');
    expect(await server.cli('EXISTS', 'shop:lease:{k}')).toBe('0');
  });

  it.each([
    ['has time left', 60_000],
    ['never ends', Number.POSITIVE_INFINITY],
  ])('is refused when another program removed that one, which %s', async (_, ttl) => {
    await server.cli('FLUSHALL');
    const store = open(connect({ url: server.url }));
    const old = newEntry('old', { ttl, grace: 0 }, Date.now());
    await store.write('k', old, within());
    expect(await store.leases.load('k', 'token', old.stamp, within())).toEqual({ state: 'granted' });
    await server.cli('DEL', 'shop:cache:{k}');
    expect(await store.leases.fill('k', 'token', entry('new'), within())).toBe(false);
    expect(await store.read('k', within())).toBeUndefined();
  });
});
