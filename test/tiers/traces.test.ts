import { describe, expect, it } from 'vitest';
import type { CacheStats, TieredCache } from '../../src/cache.js';
import { deferred, pass, settled, trace, type World, type WorldProcess, world } from '../support/simulated-process.js';

/** Each path, told by its events and by what was sent to L2: the test reads as the algorithm. */
interface Path {
  readonly name: string;
  /** What is there before; neither traced nor counted. */
  readonly given?: (w: World, p: WorldProcess) => Promise<unknown>;
  readonly when: (cache: TieredCache, w: World, p: WorldProcess) => Promise<unknown>;
  readonly events: readonly string[];
  readonly sent: readonly string[];
  readonly stats: Partial<CacheStats>;
}

const inL2 = (w: World) => w.process('elsewhere').cache.set('k', 'v', { ttl: 1_000, grace: 60_000 });
const staleInL2 = async (w: World) => {
  await inL2(w);
  w.clock.advance(1_000);
};
const inBoth = (_w: World, p: WorldProcess) => p.cache.set('k', 'v', { ttl: 1_000, grace: 60_000 });
const failing = (cache: TieredCache) => cache.getOrSet('k', () => Promise.reject(new Error('no'))).catch(() => undefined);

const none: CacheStats = {
  hits: 0,
  misses: 0,
  coalesced: 0,
  staleServed: 0,
  l1: { hits: 0, misses: 0 },
  l2: { hits: 0, misses: 0 },
  sets: 0,
  deletes: 0,
  evictions: 0,
  factoryRuns: 0,
  factoryErrors: 0,
  refusedFills: 0,
  unreadable: 0,
  l2Errors: 0,
  entries: 0,
  bytes: 0,
};
const l1Hit = { hits: 1, l1: { hits: 1, misses: 0 } };
const l2Hit = { hits: 1, l1: { hits: 0, misses: 1 }, l2: { hits: 1, misses: 0 } };
const miss = { misses: 1, l1: { hits: 0, misses: 1 }, l2: { hits: 0, misses: 1 } };

const paths: readonly Path[] = [
  {
    name: 'get, in L1',
    given: inBoth,
    when: (cache) => cache.get('k'),
    events: ['hit l1 k'],
    sent: [],
    stats: { ...l1Hit, entries: 1 },
  },
  {
    name: 'get, in L2',
    given: inL2,
    when: (cache) => cache.get('k'),
    events: ['hit l2 k'],
    sent: ['read k'],
    stats: { ...l2Hit, entries: 1 },
  },
  { name: 'get, nowhere', when: (cache) => cache.get('k'), events: ['miss k'], sent: ['read k'], stats: miss },
  { name: 'get, stale', given: staleInL2, when: (cache) => cache.get('k'), events: ['miss k'], sent: ['read k'], stats: miss },
  {
    name: 'get, L2 away',
    when: (cache, _w, p) => {
      p.l2.down = true;
      return cache.get('k');
    },
    events: ['l2:error read', 'l2:error versions', 'miss k'],
    sent: [],
    stats: { misses: 1, l1: { hits: 0, misses: 1 }, l2Errors: 2 },
  },
  {
    name: 'peek, in L1',
    given: inBoth,
    when: async (cache) => cache.peek('k'),
    events: ['hit l1 k'],
    sent: [],
    stats: { ...l1Hit, entries: 1 },
  },
  { name: 'peek, not in L1', given: inL2, when: async (cache) => cache.peek('k'), events: [], sent: [], stats: {} },
  {
    name: 'getMany, one in L1, one in L2, one nowhere',
    given: async (w, p) => {
      await w.process('elsewhere').cache.set('b', 2);
      await p.cache.set('a', 1);
    },
    when: (cache) => cache.getMany(['a', 'b', 'c']),
    events: ['hit l1 a', 'hit l2 b', 'miss c'],
    sent: ['readMany b c'],
    stats: { hits: 2, misses: 1, l1: { hits: 1, misses: 2 }, l2: { hits: 1, misses: 1 }, entries: 2 },
  },
  {
    name: 'getOrSet, in L1',
    given: inBoth,
    when: (cache) => cache.getOrSet('k', () => 'new'),
    events: ['hit l1 k'],
    sent: [],
    stats: { ...l1Hit, entries: 1 },
  },
  {
    name: 'getOrSet, in L2',
    given: inL2,
    when: (cache) => cache.getOrSet('k', () => 'new'),
    events: ['hit l2 k'],
    sent: ['read k'],
    stats: { ...l2Hit, entries: 1 },
  },
  {
    name: 'getOrSet, cold',
    when: (cache) => cache.getOrSet('k', () => 'new'),
    events: ['miss k', 'factory:start k', 'factory:end k'],
    sent: ['read k', 'load k', 'fill k'],
    stats: { ...miss, factoryRuns: 1, entries: 1 },
  },
  {
    name: 'getOrSet, cold, three callers',
    when: (cache) => Promise.all([1, 2, 3].map(() => cache.getOrSet('k', () => 'new'))),
    events: ['miss k', 'factory:start k', 'factory:end k'],
    sent: ['read k', 'load k', 'fill k'],
    stats: { ...miss, coalesced: 2, factoryRuns: 1, entries: 1 },
  },
  {
    name: 'getOrSet, cold, the factory fails',
    when: failing,
    events: ['miss k', 'factory:start k', 'factory:end k Error: no'],
    sent: ['read k', 'load k', 'release k'],
    stats: { ...miss, factoryRuns: 1, factoryErrors: 1 },
  },
  {
    name: 'getOrSet, cold, the factory skips',
    when: (cache) => cache.getOrSet('k', ({ skip }) => skip('new')),
    events: ['miss k', 'factory:start k', 'factory:end k'],
    sent: ['read k', 'load k', 'release k'],
    stats: { ...miss, factoryRuns: 1 },
  },
  {
    name: 'getOrSet, stale, the factory fails',
    given: staleInL2,
    when: failing,
    events: ['miss k', 'factory:start k', 'factory:end k Error: no', 'hit l2 k stale'],
    sent: ['read k', 'load k', 'release k'],
    stats: { ...miss, staleServed: 1, factoryRuns: 1, factoryErrors: 1 },
  },
  {
    name: 'getOrSet, fresh but forced',
    given: inBoth,
    when: (cache) => cache.getOrSet('k', () => 'new', { forceFresh: true }),
    events: ['miss k', 'factory:start k', 'factory:end k'],
    sent: ['read k', 'load k', 'fill k'],
    stats: { ...miss, factoryRuns: 1, entries: 1 },
  },
  {
    name: 'getOrSet, filled by another process between read and load',
    when: async (cache, w, p) => {
      const gate = p.gates.hold('load');
      const answer = cache.getOrSet('k', () => 'new');
      await gate.arrived;
      await inL2(w);
      gate.release();
      return answer;
    },
    events: ['hit l2 k'],
    sent: ['read k', 'load k'],
    stats: { ...l2Hit, entries: 1 },
  },
  {
    name: 'getOrSet, loaded by another process',
    when: async (cache, w) => {
      const theirs = deferred<string>();
      const other = w.process('other').cache.getOrSet('k', () => theirs.promise);
      await settled();
      const answer = cache.getOrSet('k', () => 'new');
      await settled();
      theirs.resolve('theirs');
      await other;
      await pass(w.clock, 20);
      return answer;
    },
    events: ['hit l2 k'],
    sent: ['read k', 'load k', 'load k'],
    stats: { ...l2Hit, entries: 1 },
  },
  {
    name: 'getOrSet, overtaken by a delete here',
    when: async (cache) => {
      const factory = deferred<string>();
      const answer = cache.getOrSet('k', () => factory.promise);
      await settled();
      await cache.delete('k');
      factory.resolve('old');
      return answer;
    },
    events: ['miss k', 'factory:start k', 'delete k', 'factory:end k', 'fill:refused k'],
    sent: ['read k', 'load k', 'remove k', 'release k'],
    stats: { ...miss, deletes: 1, factoryRuns: 1, refusedFills: 1 },
  },
  {
    name: 'getOrSet, overtaken by a delete elsewhere',
    when: async (cache, w) => {
      const factory = deferred<string>();
      const answer = cache.getOrSet('k', () => factory.promise);
      await settled();
      await w.process('elsewhere').cache.delete('k');
      factory.resolve('old');
      return answer;
    },
    events: ['miss k', 'factory:start k', 'factory:end k', 'fill:refused k'],
    sent: ['read k', 'load k', 'fill k'],
    stats: { ...miss, factoryRuns: 1, refusedFills: 1 },
  },
  {
    name: 'getOrSet, L2 away',
    when: (cache, _w, p) => {
      p.l2.down = true;
      return cache.getOrSet('k', () => 'new');
    },
    events: ['l2:error read', 'l2:error versions', 'l2:error load', 'miss k', 'factory:start k', 'factory:end k'],
    sent: [],
    stats: { misses: 1, l1: { hits: 0, misses: 1 }, factoryRuns: 1, l2Errors: 3, entries: 1 },
  },
  {
    name: 'getOrSet, L2 away for the fill',
    when: (cache, _w, p) =>
      cache.getOrSet('k', () => {
        p.l2.down = true;
        return 'new';
      }),
    events: ['miss k', 'factory:start k', 'factory:end k', 'l2:error fill'],
    sent: ['read k', 'load k'],
    stats: { ...miss, factoryRuns: 1, l2Errors: 1, entries: 1 },
  },
  { name: 'set', when: (cache) => cache.set('k', 1), events: ['set k'], sent: ['write k'], stats: { sets: 1, entries: 1 } },
  {
    name: 'setIfAbsent, twice',
    when: async (cache) => [await cache.setIfAbsent('k', 1), await cache.setIfAbsent('k', 2)],
    events: ['set k'],
    // Without a bus the second has to ask whether what is there still counts.
    sent: ['writeIfAbsent k', 'writeIfAbsent k', 'writeIfAbsent k'],
    stats: { sets: 1, entries: 1 },
  },
  {
    name: 'delete, then deleteMany',
    given: inBoth,
    when: async (cache) => [await cache.delete('k'), await cache.deleteMany(['k', 'j'])],
    events: ['delete k', 'delete k', 'delete j'],
    sent: ['remove k', 'removeMany k j'],
    stats: { deletes: 3 },
  },
  {
    name: 'clear, of a namespace',
    given: (_w, p) => p.cache.namespace('n').set('k', 1),
    when: (cache) => cache.namespace('n').clear(),
    events: ['clear n'],
    sent: ['bump nn:'],
    // It counts no more, and leaves when others need the room.
    stats: { entries: 1 },
  },
  {
    name: 'clear, of the entries too',
    given: (_w, p) => p.cache.namespace('n').set('k', 1),
    when: (cache) => cache.namespace('n').clear({ physical: true }),
    events: ['clear n'],
    sent: ['bump nn:', 'scanLeases', 'scanEntries', 'removeMany n:k'],
    stats: {},
  },
  {
    name: 'increment and expire, then get',
    when: async (cache) => [await cache.increment('k'), await cache.expire('k', '1s'), await cache.get('k')],
    events: ['set k', 'set k', 'hit l2 k'],
    sent: ['increment k', 'expire k', 'expire k', 'read k'],
    stats: { ...l2Hit, sets: 2, entries: 1 },
  },
];

describe('what a cache tells about', () => {
  it.each(paths)('$name', async ({ given, when, events, sent, stats }) => {
    const w = world();
    const before = w.process('p');
    await given?.(w, before);
    // The same tiers in a cache that has counted nothing yet.
    const p = w.process('p', { local: before.core.local });
    const lines = trace(p.cache);
    await when(p.cache, w, p);
    await settled();
    expect(lines).toEqual(events);
    expect(p.l2.sent).toEqual(sent);
    expect(p.cache.stats()).toEqual({ ...none, ...stats });
    expect(p.core.fence.size).toBe(0);
    expect(p.core.flights.size).toBe(0);
    expect(w.clock.pending).toBe(0);
  });

  it('nothing to a listener that was taken off, and a warning when one throws', async () => {
    const { cache } = world().process('p');
    const heard: string[] = [];
    const listener = ({ key }: { key: string }) => heard.push(key);
    cache.on('set', listener);
    await cache.set('a', 1);
    cache.off('set', listener);
    await cache.set('b', 1);
    expect(heard).toEqual(['a']);
  });
});
