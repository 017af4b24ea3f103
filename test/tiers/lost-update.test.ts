import { describe, expect, it } from 'vitest';
import { entryOf } from '../../src/tiers/core.js';
import { simulatedProcess, world } from '../support/simulated-process.js';
import { orders, pairs, runInOrder } from '../support/two-in-flight.js';

describe('two operations of one process leave L1 with what L2 has, or with nothing (R8)', () => {
  describe.each(pairs)('$first.name and $second.name', (pair) => {
    it.each(orders.map((order) => ({ order, name: order.map((step) => step.join(' ')).join(', ') })))(
      '$name',
      async ({ order }) => {
        const { server, process } = world();
        const { cache, core, gates } = process('p');
        await process('elsewhere').cache.set('k', 1);
        await runInOrder(pair, order, cache, gates);

        const copy = core.local.get('k');
        if (copy !== undefined) expect(entryOf(copy)).toEqual(server.read('k'));
        expect(core.fence.size).toBe(0);
        expect(server.leasedKeys()).toEqual([]);
      },
    );
  });
});

describe('atomic updates', () => {
  it('a hundred increments from two processes are a hundred', async () => {
    const { process, server } = world();
    const caches = [process('a').cache, process('b').cache];
    await Promise.all(Array.from({ length: 100 }, (_, index) => caches[index % 2]?.increment('n')));
    expect(server.read('n')?.value).toBe(100);
    expect(await caches[0]?.get('n')).toBe(100);
  });

  it('of many that set if absent one does, and everybody reads its value', async () => {
    const { process } = world();
    const caches = [process('a').cache, process('b').cache];
    const stored = await Promise.all(Array.from({ length: 10 }, (_, index) => caches[index % 2]?.setIfAbsent('k', index)));
    expect(stored.filter(Boolean)).toHaveLength(1);
    const winner = stored.indexOf(true);
    for (const cache of caches) expect(await cache.get('k')).toBe(winner);
  });

  it('without L2 an increment and an expiry keep what the other changed', async () => {
    const { cache } = simulatedProcess(world().clock, undefined);
    await cache.set('n', 1, { ttl: '1m', grace: '1m' });
    await Promise.all([cache.increment('n', 2), cache.expire('n', '1h'), cache.increment('n', 0.5)]);
    const entry = await cache.getEntry('n');
    expect(entry?.value).toBe(3.5);
    expect(await cache.ttl('n')).toBe(3_600_000);
    expect((entry?.expiresAt ?? 0) - (entry?.freshUntil ?? 0)).toBe(60_000);
  });
});
