import { cacheBuilder } from 'tierkeep';
import { describe, expect, it } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { type ProcessOptions, pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

describe('sliding', () => {
  const readers: [string, (cache: TieredCache) => Promise<unknown>][] = [
    ['get', (cache) => cache.get('k', { sliding: 1_000 })],
    ['getMany', (cache) => cache.getMany(['k'], { sliding: 1_000 })],
    ['getOrSet', (cache) => cache.getOrSet('k', () => 'never', { sliding: 1_000 })],
    ['getOrSetMany', (cache) => cache.getOrSetMany(['k'], () => ['never'], { sliding: 1_000 })],
  ];
  const tiers: [string, ProcessOptions & { bus?: 'on' | 'off' }][] = [
    ['L1 and L2', { bus: 'on' }],
    ['L2 alone', { localRole: 'stand-in', bus: 'on' }],
  ];

  it.each(tiers.flatMap(([tier, options]) => readers.map(([name, read]) => [name, tier, read, options] as const)))(
    '%s keeps what is read alive, over %s',
    async (_name, _tier, read, options) => {
      const w = world();
      const { cache, core } = w.process('p', options);
      await cache.ready();
      await cache.set('k', 'v', { ttl: 1_000 });
      for (let step = 0; step < 10; step += 1) {
        await pass(w.clock, 400, 200);
        await read(cache);
        await settled();
        expect(w.server.read('k')?.freshUntil).toBe(w.clock.now() + 1_000);
      }
      expect(await cache.get('k')).toBe('v');
      await pass(w.clock, 1_000, 200);
      expect(await cache.get('k')).toBeUndefined();
      expect(core.slides.running).toBe(0);
    },
  );

  it.each(readers)('%s over memory alone', async (_name, read) => {
    const { clock } = world();
    const { cache } = simulatedProcess(clock, undefined);
    await cache.set('k', 'v', { ttl: 1_000, grace: 70 });
    for (let step = 0; step < 10; step += 1) {
      clock.advance(400);
      await read(cache);
      await settled();
      expect(await cache.ttl('k')).toBe(1_000);
    }
    const entry = await cache.getEntry('k');
    expect((entry?.expiresAt ?? 0) - (entry?.freshUntil ?? 0)).toBe(70);
  });

  it('is the namespace’s for every read in it, and for no other', async () => {
    const w = world();
    const { cache } = w.process('p');
    const sessions = cache.namespace('sessions', { ttl: 1_000, sliding: 1_000 });
    await Promise.all([sessions.set('k', 1), sessions.set('unread', 1), cache.set('k', 1, { ttl: 1_000 })]);
    for (let step = 0; step < 5; step += 1) {
      await pass(w.clock, 400, 200);
      await Promise.all([sessions.get('k'), cache.get('k')]);
      await settled();
    }
    expect(await sessions.get('k')).toBe(1);
    expect(await sessions.get('unread')).toBeUndefined();
    expect(await cache.get('k')).toBeUndefined();
  });

  it('writes when a quarter is used up, and one key four times a second at most', async () => {
    const w = world();
    const { cache, l2 } = w.process('p', { versions: 'off' });
    await cache.set('k', 'v', { ttl: 1_000 });
    l2.sent.length = 0;
    const expires = () => l2.sent.filter((line) => line === 'expire k').length;
    for (let read = 0; read < 10; read += 1) await cache.get('k', { sliding: 1_000 });
    await pass(w.clock, 250, 50);
    await cache.get('k', { sliding: 1_000 });
    expect(expires()).toBe(0);
    await pass(w.clock, 1, 1);
    for (let read = 0; read < 10; read += 1) await cache.get('k', { sliding: 1_000 });
    await settled();
    expect(expires()).toBe(1);
    for (let read = 0; read < 20; read += 1) {
      await cache.get('k', { sliding: 10 });
      await cache.get('k', { sliding: 100_000 });
      await pass(w.clock, 10, 10);
    }
    expect(expires()).toBeLessThanOrEqual(2);
  });

  it('shortens nothing: what lives longer keeps its life', async () => {
    const w = world();
    const { cache, server } = { ...w, ...w.process('p') };
    await cache.set('k', 'v', { ttl: 60_000 });
    const before = server.read('k');
    await cache.get('k', { sliding: 1_000 });
    await settled();
    expect(server.read('k')).toBe(before);
  });

  it('while L2 is away nobody is told, and the value is served', async () => {
    const w = world();
    const { cache, core, l2 } = w.process('p');
    await cache.set('k', 'v', { ttl: 4_000 });
    await pass(w.clock, 1_500, 500);
    l2.down = true;
    for (const outage of ['serve', 'source', 'throw'] as const) {
      expect(await cache.get('k', { sliding: 4_000, outage })).toBe('v');
      expect(await cache.getOrSet('k', () => 'never', { sliding: 4_000, outage })).toBe('v');
      await pass(w.clock, 250, 50);
    }
    expect(core.slides.running).toBe(0);
    expect(w.clock.awaited).toBe(0);
  });
});

describe('memory({ ttl })', () => {
  it('ends the copy in L1 and not the entry: L2 is asked again', async () => {
    const w = world();
    const { cache, l2 } = w.process('p', { localTtl: 100, defaults: { ttl: 1_000 } });
    const lines = trace(cache);
    await cache.set('k', 'v');
    for (const ms of [99, 1, 50, 50]) {
      await pass(w.clock, ms, 50);
      expect(await cache.get('k')).toBe('v');
    }
    expect(lines).toEqual(['set k', 'hit l1 k', 'hit l2 k', 'hit l1 k', 'hit l2 k']);
    expect(l2.sent).toEqual(['write k', 'read k', 'read k']);
    expect(await cache.ttl('k')).toBe(800);
  });

  it('never makes a copy live longer than its entry', async () => {
    const w = world();
    const { cache } = w.process('p', { localTtl: 10_000, defaults: { ttl: 1_000 } });
    await cache.set('k', 'v');
    await pass(w.clock, 1_000, 500);
    expect(cache.peek('k')).toBeUndefined();
    expect(await cache.get('k')).toBeUndefined();
  });

  it('holds for stale values too: what another process deleted is not served stale from L1', async () => {
    const w = world();
    const { cache } = w.process('p', { localTtl: 100, defaults: { ttl: 1_000, swr: 60_000 } });
    await cache.set('k', 'old');
    await pass(w.clock, 2_000, 500);
    await w.process('other').cache.delete('k');
    expect(await cache.getOrSet('k', () => 'new')).toBe('new');
  });

  it('while L2 is away the copy serves on to the end of its entry', async () => {
    const w = world();
    const { cache, l2 } = w.process('p', { localTtl: 100, defaults: { ttl: 1_000 } });
    await cache.set('k', 'v');
    await pass(w.clock, 500, 100);
    l2.down = true;
    expect(await cache.get('k')).toBe('v');
    await pass(w.clock, 500, 100);
    expect(await cache.get('k')).toBeUndefined();
  });

  it('of memory alone means nothing: nobody else could be asked', async () => {
    const clock = fakeClock();
    await using cache = cacheBuilder().clock(clock).memory({ ttl: '1s' }).ttl('1m').build();
    await cache.set('k', 'v');
    clock.advance(59_999);
    expect(cache.peek('k')).toBe('v');
    clock.advance(1);
    expect(cache.peek('k')).toBeUndefined();
  });
});

describe('jitter', () => {
  it('is taken from what set, setMany, getOrSet and the namespace store, in both tiers alike', async () => {
    const w = world();
    const { cache, core } = w.process('p', { defaults: { ttl: 10_000, jitter: 4_000 } });
    await cache.setMany(Array.from({ length: 50 }, (_, index) => [`a${index}`, index]));
    for (let index = 0; index < 50; index += 1) await cache.getOrSet(`b${index}`, () => index);
    const lives = [...w.server.entries].map(([key]) => {
      const freshUntil = w.server.read(key)?.freshUntil ?? 0;
      expect(core.local.get(key)?.freshUntil).toBe(freshUntil);
      return freshUntil - w.clock.now();
    });
    expect(lives).toHaveLength(100);
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(6_000);
    expect(Math.max(...lives)).toBeLessThanOrEqual(10_000);
    expect(new Set(lives).size).toBeGreaterThan(50);
    const spread = cache.namespace('n', { ttl: 20_000, jitter: 0 });
    await spread.set('k', 1);
    expect(await spread.ttl('k')).toBe(20_000);
  });

  it('where a call has a shorter TTL than the cache’s jitter, something is left', async () => {
    const w = world();
    const { cache } = w.process('p', { defaults: { ttl: 10_000, jitter: 4_000 } });
    for (let index = 0; index < 50; index += 1) await cache.set(`k${index}`, 1, { ttl: 2 });
    const left = await cache.getMany(Array.from({ length: 50 }, (_, index) => `k${index}`));
    expect(left.size).toBe(50);
  });
});
