import { describe, expect, it } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { readers, readOvertaken } from '../support/races.js';
import { settled, world } from '../support/simulated-process.js';

const writes: { name: string; write: (cache: TieredCache) => Promise<unknown>; leaves: unknown }[] = [
  { name: 'delete', write: (cache) => cache.delete('k'), leaves: undefined },
  { name: 'deleteMany', write: (cache) => cache.deleteMany(['k']), leaves: undefined },
  { name: 'deletePattern', write: (cache) => cache.deletePattern('?'), leaves: undefined },
  { name: 'clear', write: (cache) => cache.clear(), leaves: undefined },
  { name: 'set', write: (cache) => cache.set('k', 'new'), leaves: 'new' },
  { name: 'setMany', write: (cache) => cache.setMany([['k', 'new']]), leaves: 'new' },
  { name: 'getOrSet with forceFresh', write: (cache) => cache.getOrSet('k', () => 'new', { forceFresh: true }), leaves: 'new' },
];

describe('a read that was overtaken refills no L1 (R2)', () => {
  describe.each(Object.entries(readers))('%s', (_name, reader) => {
    it.each(writes)('overtaken by $name', async ({ write, leaves }) => {
      const { read, later, p } = await readOvertaken(world(), reader, write, 'on');
      expect(read).toBe('old');
      expect(later).toBe(leaves);
      expect(p.core.fence.size).toBe(0);
    });
  });

  it('a read executed after the delete finds nothing, and one before the delete is sent may stay until it is', async () => {
    const { process, server } = world();
    await process('elsewhere').cache.set('k', 'old');
    const p = process('p');
    const gate = p.gates.hold('remove');
    const removed = p.cache.delete('k');
    await gate.arrived;
    expect(await p.cache.get('k')).toBe('old');
    expect(p.cache.peek('k')).toBe('old');
    gate.release();
    expect(await removed).toBe(true);
    expect(p.cache.peek('k')).toBeUndefined();
    expect(server.entryKeys()).toEqual([]);
  });

  const held: [string, string, (cache: TieredCache) => Promise<unknown>][] = [
    ['delete', 'remove', (cache) => cache.delete('k')],
    ['deleteMany', 'removeMany', (cache) => cache.deleteMany(['k'])],
    ['deletePattern', 'scanEntries', (cache) => cache.deletePattern('k')],
    ['clear', 'bump', (cache) => cache.clear()],
  ];
  it.each(held)(
    'a copy that was read while a %s was under way is gone when that is acknowledged',
    async (_name, operation, call) => {
      const { process } = world();
      await process('elsewhere').cache.set('k', 'old');
      const p = process('p');
      const gate = p.gates.hold(operation);
      const removed = call(p.cache);
      await gate.arrived;
      expect(await p.cache.get('k')).toBe('old');
      const slow = p.gates.hold('read', 'reply');
      p.core.local.clear();
      const late = p.cache.get('k');
      await slow.arrived;
      expect(await p.cache.get('k')).toBe('old');
      gate.release();
      await removed;
      expect(p.cache.peek('k')).toBeUndefined();
      slow.release();
      expect(await late).toBe('old');
      expect(p.cache.peek('k')).toBeUndefined();
      expect(await p.cache.get('k')).toBeUndefined();
    },
  );

  it('an expiry given by this process is not undone by a copy read before', async () => {
    const { process } = world();
    await process('elsewhere').cache.set('k', 'v', { ttl: '1h' });
    const p = process('p');
    const gate = p.gates.hold('read', 'reply');
    const read = p.cache.get('k');
    await gate.arrived;
    expect(await p.cache.expire('k', '1s')).toBe(true);
    gate.release();
    expect(await read).toBe('v');
    expect(await p.cache.ttl('k')).toBe(1_000);
  });

  it('only the key that was written is kept out of L1', async () => {
    const { process } = world();
    const elsewhere = process('elsewhere').cache;
    await elsewhere.setMany([
      ['a', 'old'],
      ['b', 'old'],
    ]);
    const p = process('p');
    const gate = p.gates.hold('readMany', 'reply');
    const read = p.cache.getMany(['a', 'b']);
    await gate.arrived;
    await p.cache.delete('a');
    gate.release();
    await read;
    await settled();
    expect([p.cache.peek('a'), p.cache.peek('b')]).toEqual([undefined, 'old']);
  });
});
