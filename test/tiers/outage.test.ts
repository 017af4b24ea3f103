import { describe, expect, it, vi } from 'vitest';
import type { TieredCache } from '../../src/cache.js';
import { BackendError, ConnectionError, DeadlineError, isOutage } from '../../src/errors.js';
import { deferred, pass, settled, trace, world } from '../support/simulated-process.js';

const outageTtl = 30_000;

function down() {
  const w = world();
  const p = w.process('p');
  p.l2.down = true;
  return { ...w, ...p };
}

describe('L2 away from the start', () => {
  it('reads miss, writes and loads stay in memory, for the time of an outage at most', async () => {
    const { cache, clock, core, server } = down();
    expect(await cache.get('a')).toBeUndefined();
    await cache.set('a', 1, { ttl: '1h', grace: '1h' });
    await cache.setMany([['b', 2]], { ttl: '1s' });
    expect(await cache.getOrSet('c', () => 3, { ttl: Number.POSITIVE_INFINITY })).toBe(3);
    expect([cache.peek('a'), await cache.get('b'), await cache.get('c')]).toEqual([1, 2, 3]);
    expect(await cache.getMany(['c', 'nothing', 'a'])).toEqual(
      new Map([
        ['c', 3],
        ['a', 1],
      ]),
    );
    expect(core.local.get('a')?.expiresAt).toBe(clock.now() + outageTtl);
    expect(core.local.get('b')?.expiresAt).toBe(clock.now() + 1_000);
    expect(core.local.get('c')?.expiresAt).toBe(clock.now() + outageTtl);
    clock.advance(outageTtl);
    expect(await cache.getEntry('a')).toBeUndefined();
    expect(server.entryKeys()).toEqual([]);
    // The journal tries again.
    expect(clock.pending).toBe(1);
    await cache.close();
    expect(clock.pending).toBe(0);
  });

  it('deletes forget what memory holds, and say whether it was there', async () => {
    const { cache } = down();
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    expect(await cache.delete('a')).toBe(true);
    expect(await cache.delete('a')).toBe(false);
    expect(await cache.deleteMany(['b', 'none'])).toBe(1);
    expect(await cache.deletePattern('c*')).toBe(1);
    await cache.clear();
    expect(cache.stats().entries).toBe(0);
  });

  const atomic: [string, (cache: TieredCache) => Promise<unknown>][] = [
    ['setIfAbsent', (cache) => cache.setIfAbsent('k', 1)],
    ['increment', (cache) => cache.increment('k')],
    ['expire', (cache) => cache.expire('k', '1s')],
    ['ping', (cache) => cache.ping()],
  ];
  it.each(atomic)('%s never pretends', async (_name, call) => {
    const { cache, core } = down();
    await cache.set('k', 1);
    await expect(call(cache)).rejects.toBeInstanceOf(ConnectionError);
    expect(core.fence.size).toBe(0);
  });

  it.each(atomic.slice(0, 3))('%s of unknown outcome leaves nothing old in memory', async (name, call) => {
    const { process, clock } = world();
    const { cache, gates, core } = process('p');
    await cache.set('k', 1, { ttl: '100ms' });
    if (name === 'setIfAbsent') clock.advance(100);
    const gate = gates.hold(name === 'setIfAbsent' ? 'writeIfAbsent' : name, 'reply');
    const answer = call(cache);
    answer.catch(() => undefined);
    await gate.arrived;
    await pass(clock, 500);
    await expect(answer).rejects.toBeInstanceOf(DeadlineError);
    expect(core.local.get('k')).toBeUndefined();
    gate.release();
    await settled();
    expect(core.fence.size).toBe(0);
  });

  it('one factory for all callers of this process, all the same', async () => {
    const { cache } = down();
    const factory = deferred<string>();
    const run = vi.fn(() => factory.promise);
    const answers = Array.from({ length: 100 }, () => cache.getOrSet('k', run));
    await settled();
    factory.resolve('value');
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['value']));
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('an own delete beats a load all the same', async () => {
    const { cache } = down();
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    await cache.delete('k');
    factory.resolve('old');
    expect(await answer).toBe('old');
    expect(await cache.get('k')).toBeUndefined();
  });

  it('so does an own set', async () => {
    const { cache } = down();
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    await cache.set('k', 'new');
    factory.resolve('old');
    expect(await answer).toBe('old');
    expect(await cache.get('k')).toBe('new');
  });
});

describe('L2 going away midway', () => {
  it('before the lease: the factory runs, and its value stays here', async () => {
    const { process, server, clock } = world();
    const { cache, gates, core } = process('p');
    const gate = gates.hold('load');
    const answer = cache.getOrSet('k', () => 'value');
    await gate.arrived;
    gate.fail(new ConnectionError('cut', { backend: 'shared', operation: 'load' }));
    expect(await answer).toBe('value');
    expect(server.read('k')).toBeUndefined();
    expect(core.local.get('k')?.expiresAt).toBe(clock.now() + outageTtl);
  });

  it('before the fill', async () => {
    const { process, clock, server } = world();
    const { cache, l2, core } = process('p');
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    l2.down = true;
    factory.resolve('value');
    expect(await answer).toBe('value');
    expect(cache.peek('k')).toBe('value');
    expect(core.local.get('k')?.expiresAt).toBe(clock.now() + outageTtl);
    expect(server.read('k')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('before a failed factory gives its lease back', async () => {
    const { process, clock } = world();
    const { cache, l2, core } = process('p');
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    l2.down = true;
    const error = new Error('no');
    factory.reject(error);
    await expect(answer).rejects.toBe(error);
    expect(core.flights.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('while another process’s load is waited for: the factory runs here', async () => {
    const { process, clock, server } = world();
    server.load('k', 'theirs', '', Number.POSITIVE_INFINITY);
    const { cache, l2 } = process('p');
    const answer = cache.getOrSet('k', () => 'mine');
    await pass(clock, 50);
    l2.down = true;
    await pass(clock, 100);
    expect(await answer).toBe('mine');
  });

  it('a stale copy in memory stands in when the factory fails too', async () => {
    const { process, clock } = world();
    const { cache, l2 } = process('p');
    await cache.set('k', 'old', { ttl: 1_000, grace: 60_000 });
    clock.advance(1_000);
    l2.down = true;
    const lines = trace(cache);
    expect(await cache.getOrSet('k', () => Promise.reject(new Error('no')))).toBe('old');
    expect(lines.at(-1)).toBe('hit l1 k stale');
  });

  it('what L2 says counts again as soon as it answers', async () => {
    const { process, clock } = world();
    const { cache, l2 } = process('p', { localRole: 'stand-in' });
    l2.down = true;
    await cache.set('k', 'here');
    expect(await cache.get('k')).toBe('here');
    l2.down = false;
    await pass(clock, 50);
    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'made')).toBe('made');
  });
});

describe('an error that is no outage', () => {
  const oom = new BackendError('OOM command not allowed', { backend: 'shared', operation: 'write' });

  it('does not fail a set: the value is kept here for a while', async () => {
    const { process, clock } = world();
    const { cache, gates, core } = process('p');
    const lines = trace(cache);
    gates.hold('write').fail(oom);
    await cache.set('k', 'value');
    expect(core.local.get('k')?.expiresAt).toBe(clock.now() + outageTtl);
    expect(lines).toEqual(['l2:error write', 'set k']);
    expect(isOutage(oom)).toBe(false);
  });

  it('fails an atomic call', async () => {
    const { process } = world();
    const { cache, gates } = process('p');
    gates.hold('increment').fail(oom);
    await expect(cache.increment('k')).rejects.toBe(oom);
  });

  it('a caller’s mistake that only L2 can see is thrown, and changes no tier', async () => {
    const { process } = world();
    const { cache } = process('p');
    await cache.set('k', 'text');
    await expect(cache.increment('k')).rejects.toMatchObject({ name: 'InvalidValueError' });
    expect(await cache.get('k')).toBe('text');
    expect(cache.stats().l2Errors).toBe(0);
  });
});

describe('memory that only stands in (no L1)', () => {
  it('is not used while L2 is there', async () => {
    const { process } = world();
    const { cache, core } = process('p', { localRole: 'stand-in' });
    await cache.set('a', 1);
    await cache.getOrSet('b', () => 2);
    await cache.get('a');
    await cache.getMany(['a', 'b']);
    await cache.setIfAbsent('c', 3);
    expect(core.local.size).toBe(0);
    expect(cache.peek('a')).toBeUndefined();
    expect(cache.stats()).toMatchObject({ hits: 3, l1: { hits: 0, misses: 0 }, l2: { hits: 3, misses: 1 } });
  });

  it('serves while it is away, and its hits are memory’s', async () => {
    const { process } = world();
    const { cache, l2 } = process('p', { localRole: 'stand-in' });
    l2.down = true;
    await cache.set('a', 1);
    expect(await cache.get('a')).toBe(1);
    expect(await cache.getOrSet('a', () => 2)).toBe(1);
    expect(cache.stats()).toMatchObject({ hits: 2, misses: 0, l1: { hits: 2, misses: 0 }, l2: { hits: 0, misses: 0 } });
  });

  it('what a set reached L2 with is forgotten here', async () => {
    const { process } = world();
    const { cache, l2, core } = process('p', { localRole: 'stand-in' });
    l2.down = true;
    await cache.set('a', 'here');
    l2.down = false;
    await cache.set('a', 'there');
    expect(core.local.size).toBe(0);
  });
});
