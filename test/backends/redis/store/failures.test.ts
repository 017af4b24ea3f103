import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newStamp } from '../../../../src/entries/entry.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { libraries, within } from '../libraries.js';
import { entry, listen, type OpenStore, storeOpener } from './open-store.js';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const lease = 'shop:lease:{k}';
const backOff = 60_000;

describe.each(libraries)('a load that failed, over $library', ({ connect }) => {
  const open = storeOpener();
  let store: OpenStore;
  beforeEach(async () => {
    await server.cli('FLUSHALL');
    store = open(connect({ url: server.url }));
  });

  const load = (token = newStamp(), failure?: 'heeded' | 'ignored') => store.leases.load('k', token, '', within(), failure);

  /** Fails while another loader waits, unless told otherwise. */
  async function fail({ waited = true, always = false } = {}): Promise<string> {
    const token = newStamp();
    expect(await load(token)).toEqual({ state: 'granted' });
    if (waited) expect(await load()).toMatchObject({ state: 'held' });
    await store.leases.release('k', token, within(), { backOff, always });
    return token;
  }

  async function expectPutOff() {
    const reply = await load();
    expect(reply).toEqual({ state: 'failed', ms: expect.any(Number) });
    expect((reply as { ms: number }).ms).toBeGreaterThan(backOff - 20_000);
    expect((reply as { ms: number }).ms).toBeLessThanOrEqual(backOff);
  }

  it('puts everybody off until its record ends, and wakes those who waited', async () => {
    const news = await listen(store);
    const token = await fail();
    expect(await news.all()).toEqual(['released k']);
    expect(await server.cli('GET', lease)).toBe(`!${token} `);
    await expectPutOff();
    await expectPutOff();
    await server.cli('PEXPIRE', lease, '1');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await load()).toEqual({ state: 'granted' });
  });

  it('puts nobody off when nobody waited, unless it is to', async () => {
    await fail({ waited: false });
    expect(await server.cli('EXISTS', lease)).toBe('0');
    await fail({ waited: false, always: true });
    await expectPutOff();
  });

  it('leaves nothing behind when its lease was lost', async () => {
    const token = newStamp();
    await load(token);
    await store.remove('k', within());
    await store.leases.release('k', token, within(), { backOff, always: true });
    expect(await server.cli('EXISTS', lease)).toBe('0');
  });

  it('is a lease no more: it cannot be renewed, filled or given back', async () => {
    const token = await fail();
    const ttl = Number(await server.cli('PTTL', lease));
    expect(await store.leases.renew('k', token, within())).toBe(false);
    expect(await store.leases.fill('k', token, entry('late'), within())).toBe(false);
    await store.leases.release('k', token, within());
    await expectPutOff();
    expect(Number(await server.cli('PTTL', lease))).toBeLessThanOrEqual(ttl);
    expect(await store.read('k', within())).toBeUndefined();
  });

  it('is ignored by whoever has waited long enough, who has the lease then', async () => {
    await fail();
    const token = newStamp();
    expect(await load(token, 'ignored')).toEqual({ state: 'granted' });
    expect(await load(newStamp(), 'ignored')).toMatchObject({ state: 'held' });
    expect(await store.leases.fill('k', token, entry('value'), within())).toBe(true);
    expect((await store.read('k', within()))?.value).toBe('value');
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a write', () => store.write('k', entry('new'), within()), 'newer'],
    ['a delete', () => store.remove('k', within()), 'granted'],
    ['a deletePattern', () => store.removeMatching('', 'k*', () => within()), 'granted'],
  ])('is forgotten with %s', async (_name, change, state) => {
    await fail();
    await change();
    expect(await server.cli('EXISTS', lease)).toBe('0');
    expect(await load()).toMatchObject({ state });
  });

  it('hides nothing that is there', async () => {
    await fail();
    await server.cli('SET', 'shop:cache:{k}', 'tk1 theirs json 0 - - 0\n"value"');
    expect(await load()).toMatchObject({ state: 'newer', entry: { value: 'value' } });
  });
});
