import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Entry, newEntry } from '../../../../src/entries/entry.js';
import { alwaysCounts } from '../../../../src/store.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { libraries, within } from '../libraries.js';
import { entry, storeOpener } from './open-store.js';

const name = 'shop:cache:{k}';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => server.cli('FLUSHALL'));

/** When Redis lets it go and when its header says so, both on the server's clock. */
async function ends(): Promise<{ readonly kept: number; readonly said: number }> {
  const script = `local time = redis.call('TIME')
    return {time[1] * 1000 + math.floor(time[2] / 1000) + redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[1])}`;
  const [kept, header] = (await server.cli('EVAL', script, '1', name)).split('\n');
  return { kept: Number(kept), said: Number(header?.split(' ')[5]) };
}

describe.each(libraries)('an entry over $library', ({ connect }) => {
  const open = storeOpener();
  const newStore = () => open(connect({ url: server.url }));

  it.each(['write', 'writeMany', 'writeIfAbsent', 'increment', 'fill'] as const)(
    'that comes late by %s lives no longer than it says',
    async (operation) => {
      const store = newStore();
      expect(await store.leases.load('k', 'token', '', within())).toEqual({ state: 'granted' });
      server.freeze();
      const made = entry(1) as Entry<number>;
      const done = {
        write: () => store.write('k', made, within()),
        writeMany: () => store.writeMany(new Map([['k', made]]), within()),
        writeIfAbsent: () => store.writeIfAbsent('k', made, within(), alwaysCounts),
        increment: () => store.increment('k', 1, made, within(), alwaysCounts),
        fill: () => store.leases.fill('k', 'token', made, within()),
      }[operation]();
      try {
        await eventually(() => Date.now() > made.createdAt + 300);
      } finally {
        server.thaw();
      }
      await done;
      const { kept, said } = await ends();
      // What is known of the server's clock may be wrong by as much as a busy machine takes for a round trip.
      expect(kept).toBeLessThanOrEqual(said + 150);
      expect(kept).toBeGreaterThan(said - 10_000);
    },
  );

  it('that has no life left is not kept', async () => {
    const store = newStore();
    await store.write('k', newEntry('old', { ttl: 1_000, grace: 0 }, Date.now() - 60_000), within());
    await eventually(async () => (await server.cli('EXISTS', name)) === '0');
  });

  it('lives no longer than it was given where the server’s clock was taken for another one', async () => {
    const store = newStore();
    await store.connection.connect();
    store.connection.learnTime(name, Date.now() + 3_600_000);
    await store.write('k', entry(1), within());
    expect(Number(await server.cli('PTTL', name))).toBeLessThanOrEqual(60_000);
  });
});
