import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../../../src/entries/entry.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { libraries, within } from '../libraries.js';
import { entry, listen, storeOpener } from './open-store.js';

const name = 'shop:cache:{k}';
const leaseName = 'shop:lease:{k}';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => server.cli('FLUSHALL'));

describe.each(libraries)('soften over $library', ({ connect }) => {
  const open = storeOpener();
  const newStore = () => open(connect({ url: server.url }));
  /** Bytes and line feeds that a script must not trip over. */
  const value = { text: 'ä\n\u0000"', bytes: new Uint8Array([0, 10, 13, 255]) };

  it('makes a fresh entry stale: all but its freshness and its stamp is kept', async () => {
    const store = newStore();
    const made = entry(value, { ttl: 60_000, grace: 60_000 }, { tags: ['a'], versions: ['root.1', 'a.2'] });
    await store.write('k', made, within());
    const before = Number(await server.cli('PTTL', name));
    const ear = await listen(store);
    expect(await store.soften('k', within())).toBe(true);
    expect(await ear.all()).toEqual(['keys k']);
    const after = (await store.read('k', within())) as Entry;
    expect(after).toEqual({ ...made, freshUntil: after.freshUntil, stamp: after.stamp });
    expect(after.stamp).not.toBe(made.stamp);
    expect(after.freshUntil).toBeLessThan(made.freshUntil - 30_000);
    const left = Number(await server.cli('PTTL', name));
    expect(left).toBeGreaterThan(60_000);
    expect(left).toBeLessThanOrEqual(before);
  });

  it('leaves a stale entry as it is, and tells', async () => {
    const store = newStore();
    await store.write('k', entry(value, { ttl: 60_000, grace: 60_000 }), within());
    await store.soften('k', within());
    const stale = await store.read('k', within());
    const ear = await listen(store);
    expect(await store.soften('k', within())).toBe(true);
    expect(await ear.all()).toEqual(['keys k']);
    expect(await store.read('k', within())).toEqual(stale);
  });

  it('removes an entry without grace', async () => {
    const store = newStore();
    const ear = await listen(store);
    for (const ttl of [60_000, Number.POSITIVE_INFINITY]) {
      await store.write('k', entry(value, { ttl, grace: 0 }), within());
      await ear.all();
      expect(await store.soften('k', within())).toBe(true);
      expect(await ear.all()).toEqual(['keys k']);
      expect(await server.cli('EXISTS', name)).toBe('0');
    }
  });

  it('keeps one for ever that may be stale for ever', async () => {
    const store = newStore();
    await store.write('k', entry(value, { ttl: 60_000, grace: Number.POSITIVE_INFINITY }), within());
    expect(await store.soften('k', within())).toBe(true);
    const after = await store.read('k', within());
    expect([after?.value, after?.expiresAt]).toEqual([value, Number.POSITIVE_INFINITY]);
    expect(await server.cli('PTTL', name)).toBe('-1');
  });

  it('voids the lease, so that what began to load before is not stored, and tells also where nothing was', async () => {
    const store = newStore();
    const ear = await listen(store);
    for (const there of [true, false]) {
      if (there) await store.write('k', entry('old', { ttl: 60_000, grace: 60_000 }), within());
      const seen = (await store.read('k', within()))?.stamp ?? '';
      expect(await store.leases.load('k', 'token', seen, within())).toEqual({ state: 'granted' });
      await ear.all();
      expect(await store.soften('k', within())).toBe(there);
      expect(await ear.all()).toEqual(['keys k']);
      expect(await server.cli('EXISTS', leaseName)).toBe('0');
      expect(await store.leases.fill('k', 'token', entry('too late'), within())).toBe(false);
      await store.remove('k', within());
    }
  });

  it('removes what nobody can read', async () => {
    const store = newStore();
    for (const bytes of ['garbage', 'tk9 s json 1 2 3\nx', 'tk1 s json 1 - -', '']) {
      await server.cli('SET', name, bytes);
      expect(await store.soften('k', within()), bytes).toBe(true);
      expect(await server.cli('EXISTS', name), bytes).toBe('0');
    }
  });

  it('leaves nothing fresh where there is no memory', async () => {
    const store = newStore();
    const made = entry(value, { ttl: 60_000, grace: 60_000 });
    await store.write('k', made, within());
    const ear = await listen(store);
    await server.cli('CONFIG', 'SET', 'maxmemory', '1');
    try {
      expect(await store.soften('k', within())).toBe(true);
      expect(await ear.all()).toEqual(['keys k']);
      // Redis lets a script that has freed something store something, but nobody has promised it.
      expect((await store.read('k', within()))?.freshUntil ?? 0).toBeLessThan(made.freshUntil - 30_000);
    } finally {
      await server.cli('CONFIG', 'SET', 'maxmemory', '0');
    }
  });
});
