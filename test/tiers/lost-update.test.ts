import { describe, expect, it } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { entryOf } from '../../src/tiers/core.js';
import type { Phase } from '../support/gates.js';
import { settled, simulatedProcess, world } from '../support/simulated-process.js';

interface Writer {
  readonly name: string;
  /** The L2 operation that writes. */
  readonly operation: string;
  run(cache: TieredCache): Promise<unknown>;
}

const writers: readonly Writer[] = [
  { name: 'set', operation: 'write', run: (cache) => cache.set('k', 100) },
  { name: 'setMany', operation: 'writeMany', run: (cache) => cache.setMany([['k', 200]]) },
  { name: 'setIfAbsent', operation: 'writeIfAbsent', run: (cache) => cache.setIfAbsent('k', 300) },
  { name: 'increment', operation: 'increment', run: (cache) => cache.increment('k') },
  { name: 'expire', operation: 'expire', run: (cache) => cache.expire('k', '1s') },
  { name: 'delete', operation: 'remove', run: (cache) => cache.delete('k') },
  { name: 'fill', operation: 'fill', run: (cache) => cache.getOrSet('k', () => 400, { forceFresh: true }) },
  { name: 'get', operation: 'read', run: (cache) => cache.get('k') },
];

type Order = readonly [Which, Phase][];
type Which = 'first' | 'second';

/** Every way in which two requests and their replies can follow each other. */
const orders: readonly Order[] = interleavings(
  [
    ['first', 'request'],
    ['first', 'reply'],
  ],
  [
    ['second', 'request'],
    ['second', 'reply'],
  ],
);

function interleavings(left: Order, right: Order): Order[] {
  const [a, ...as] = left;
  const [b, ...bs] = right;
  if (a === undefined) return [right];
  if (b === undefined) return [left];
  return [
    ...interleavings(as, right).map((rest): Order => [a, ...rest]),
    ...interleavings(left, bs).map((rest): Order => [b, ...rest]),
  ];
}

const pairs = writers.flatMap((first) =>
  writers.filter((second) => second.name !== 'get' || first.name !== 'get').map((second) => ({ first, second })),
);

describe('two operations of one process leave L1 with what L2 has, or with nothing (R8)', () => {
  describe.each(pairs)('$first.name and $second.name', ({ first, second }) => {
    it.each(orders.map((order) => ({ order, name: order.map((step) => step.join(' ')).join(', ') })))(
      '$name',
      async ({ order }) => {
        const { server, process } = world();
        const p = process('p');
        await process('elsewhere').cache.set('k', 1);

        const gates = new Map<string, ReturnType<typeof p.gates.hold>>();
        const done: Promise<unknown>[] = [];
        for (const [which, writer] of [
          ['first', first],
          ['second', second],
        ] as const) {
          for (const phase of ['request', 'reply'] as const)
            gates.set(`${which} ${phase}`, p.gates.hold(writer.operation, phase));
          done.push(writer.run(p.cache));
          await settled();
        }
        for (const [which, phase] of order) {
          gates.get(`${which} ${phase}`)?.release();
          await settled();
        }
        await Promise.all(done);

        const copy = p.core.local.get('k');
        if (copy !== undefined) expect(entryOf(copy)).toEqual(server.read('k'));
        expect(p.core.fence.size).toBe(0);
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
