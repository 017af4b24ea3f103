import { describe, expect, it, vi } from 'vitest';
import type { Defaults } from '../../src/tiers/call-options.js';
import { deferred, pass, settled, simulatedProcess, world } from '../support/simulated-process.js';
import { recordOf } from '../support/source-races.js';

const through = { write: 'through' } as const;

function started(rows: Record<string, string> = {}, defaults: Partial<Defaults> = {}) {
  const w = world();
  const p = w.process('p', { defaults });
  const source = recordOf(rows);
  return { ...w, ...p, source, users: p.cache.withSource(source, through) };
}

/** A source whose next save is held. */
function holding(source: ReturnType<typeof recordOf>) {
  const save = deferred();
  const record = source.save;
  const asked = vi.fn(async (key: string, value: string, context: { signal: AbortSignal }) => {
    await save.promise;
    return record(key, value, context);
  });
  source.save = asked;
  return { save, asked };
}

describe('a write through the cache', () => {
  it('is in the source and in every tier when it is done', async () => {
    const { users, source, cache, server } = started({ k: 'old' });
    expect(await users.get('k')).toBe('old');
    await users.set('k', 'new', { ttl: '5m' });
    expect([source.rows.get('k'), cache.peek('k'), server.read('k')?.value]).toEqual(['new', 'new', 'new']);
    expect(server.leases.size).toBe(0);
  });

  it('serves what was there until then, in every process', async () => {
    const { users, source, cache, process } = started({ k: 'old' });
    await users.get('k');
    const { save } = holding(source);
    const written = users.set('k', 'new');
    await settled();
    expect(await cache.get('k')).toBe('old');
    expect(await process('other').cache.get('k')).toBe('old');
    save.resolve();
    await written;
    expect(await process('another').cache.get('k')).toBe('new');
  });

  it.each(['rejects', 'throws'])('leaves every tier as it was where the source %s, with its own error', async (how) => {
    const { users, source, cache, server, core } = started({ k: 'old' });
    await users.get('k');
    const stamp = server.read('k')?.stamp;
    const error = new Error('no');
    source.save = () => {
      if (how === 'throws') throw error;
      return Promise.reject(error);
    };
    await expect(users.set('k', 'new')).rejects.toBe(error);
    expect([cache.peek('k'), server.read('k')?.stamp]).toEqual(['old', stamp]);
    expect([server.leases.size, core.fence.size]).toEqual([0, 0]);
  });

  it('keeps its lease while the source takes its time', async () => {
    const { users, source, clock, server } = started();
    const { save } = holding(source);
    const written = users.set('k', 'new');
    await settled();
    await pass(clock, 3 * server.leaseMs, 500);
    expect(server.leases.has('k')).toBe(true);
    save.resolve();
    await written;
    expect(server.read('k')?.value).toBe('new');
    expect(clock.pending).toBe(0);
  });

  it('waits for a loader that has the lease, and has the last word', async () => {
    const { users, source, process, clock, server } = started({ k: 'old' });
    const read = deferred<string>();
    const loading = process('loader').cache.getOrSet('k', () => read.promise);
    await settled();
    const written = users.set('k', 'new');
    await pass(clock, 100);
    expect(source.rows.get('k')).toBe('old');
    read.resolve('old');
    await loading;
    await pass(clock, 100);
    await written;
    expect([source.rows.get('k'), server.read('k')?.value]).toEqual(['new', 'new']);
  });

  it('notes what it depends on before the source has it', async () => {
    const { users, source, process } = started();
    const { save } = holding(source);
    const written = users.set('k', 'new', { tags: ['t'] });
    await settled();
    await process('other').cache.invalidateTags(['t']);
    save.resolve();
    await written;
    expect(await process('third').cache.get('k')).toBeUndefined();
  });

  it('refuses a value that no tier can hold before the source is asked', async () => {
    const { cache } = started();
    const save = vi.fn();
    await expect(cache.withSource<unknown>({ load: () => 1, save }, through).set('k', () => 1)).rejects.toMatchObject({
      name: 'InvalidValueError',
    });
    expect(save).not.toHaveBeenCalled();
  });
});

describe('what a loader cached while the source was written, the lease being lost', () => {
  async function overtaken(deletes: 'on' | 'off') {
    const { users, source, process, server } = started({ k: 'old' });
    const { save } = holding(source);
    const written = users.set('k', 'new');
    await settled();
    await process('other').cache.delete('k');
    await process('loader').cache.withSource(source).get('k');
    expect(server.read('k')?.value).toBe('old');
    if (deletes === 'off') server.remove = () => false;
    save.resolve();
    await written;
    return process('third').cache.get('k');
  }

  it('goes', async () => expect(await overtaken('on')).toBeUndefined());
  it('would stay if the refused fill did not delete', async () => expect(await overtaken('off')).toBe('old'));
});

describe('a save that takes longer than the hard time-out', () => {
  it('rejects, aborts its signal, and leaves nothing cached', async () => {
    const { users, source, clock, server, cache } = started({ k: 'old' });
    await users.get('k');
    const { asked } = holding(source);
    const written = users.set('k', 'new', { hardTimeout: 1_000 });
    written.catch(() => undefined);
    await pass(clock, 1_100, 50);
    await expect(written).rejects.toMatchObject({ name: 'SourceTimeoutError', retryable: true });
    expect(asked.mock.calls[0]?.[2].signal.aborted).toBe(true);
    expect([cache.peek('k'), server.read('k'), server.leases.size]).toEqual([undefined, undefined, 0]);
  });

  it('is settled at last: what was loaded meanwhile goes', async () => {
    const { users, source, clock, server, process } = started({ k: 'old' });
    const { save } = holding(source);
    const written = users.set('k', 'new', { hardTimeout: 1_000 });
    written.catch(() => undefined);
    await pass(clock, 1_100, 50);
    expect(await process('loader').cache.withSource(source).get('k')).toBe('old');
    save.resolve();
    await settled();
    await settled();
    expect([source.rows.get('k'), server.read('k')]).toEqual(['new', undefined]);
    await users.get('k');
    expect(clock.pending).toBe(0);
  });
});

describe('where no lease can be had', () => {
  it('L2 is away: the source has it, and L2 is told to forget what it has', async () => {
    const { users, source, l2, core, cache } = started({ k: 'old' });
    await users.get('k');
    l2.down = true;
    await users.set('k', 'new');
    expect(source.rows.get('k')).toBe('new');
    expect(core.journal.holds('k')).toBe(true);
    expect(cache.peek('k')).toBeUndefined();
    expect(await users.get('k')).toBe('new');
  });

  it('L2 is away, and the caller wants to know: the source is not asked', async () => {
    const { users, source, l2 } = started({ k: 'old' });
    l2.down = true;
    await expect(users.set('k', 'new', { outage: 'throw' })).rejects.toMatchObject({ name: 'ConnectionError' });
    expect(source.rows.get('k')).toBe('old');
  });

  it('L2 goes away while the source writes: what it has there will be deleted', async () => {
    const { users, source, l2, core } = started({ k: 'old' });
    await users.get('k');
    const { save } = holding(source);
    const written = users.set('k', 'new', { outage: 'throw' });
    await settled();
    l2.down = true;
    save.resolve();
    await written;
    expect([source.rows.get('k'), core.journal.holds('k')]).toEqual(['new', true]);
  });

  it.each(['moving', 'no leases'])('%s: deletes once the source has it', async (why) => {
    const { source, l2, server, clock } = started({ k: 'old' });
    if (why === 'moving') Object.assign(l2.leases as object, { load: async () => ({ state: 'moving' }) });
    else Object.assign(l2, { leases: undefined });
    const { cache } = simulatedProcess(clock, l2);
    await cache.set('k', 'old');
    await cache.withSource(source, through).set('k', 'new');
    expect([source.rows.get('k'), server.read('k'), cache.peek('k')]).toEqual(['new', undefined, undefined]);
  });
});

describe('a delete through the cache', () => {
  it('removes from the source, then from every tier', async () => {
    const { users, source, server, cache } = started({ k: 'old' });
    await users.get('k');
    await users.delete('k');
    expect([source.rows.has('k'), server.read('k'), cache.peek('k')]).toEqual([false, undefined, undefined]);
    expect(await users.get('k')).toBeUndefined();
  });

  it('leaves every tier as it was where the source fails', async () => {
    const { users, source, cache } = started({ k: 'old' });
    await users.get('k');
    const error = new Error('no');
    source.remove = () => Promise.reject(error);
    await expect(users.delete('k')).rejects.toBe(error);
    expect(cache.peek('k')).toBe('old');
  });

  it('of a source that cannot remove is refused', async () => {
    const { users, source } = started({ k: 'old' });
    Object.assign(source, { remove: undefined });
    await expect(users.deleteMany(['k'])).rejects.toMatchObject({ name: 'UnsupportedError' });
  });
});

describe('many at once', () => {
  it('go to saveMany in one call, with the keys of the namespace', async () => {
    const { cache, server, clock } = started();
    const saveMany = vi.fn();
    const users = cache.namespace('user').withSource<number>({ load: () => 0, save: vi.fn(), saveMany }, through);
    await users.setMany([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ]);
    expect(saveMany.mock.calls.map(([values]) => [...values])).toEqual([
      [
        ['a', 3],
        ['b', 2],
      ],
    ]);
    expect([server.read('user:a')?.value, server.read('user:b')?.value]).toEqual([3, 2]);
    expect([server.leases.size, clock.pending]).toEqual([0, 0]);
  });

  it('of which some may be written: nothing of them stays cached', async () => {
    const { cache, server, source } = started({ a: 'old' });
    const error = new Error('half');
    source.saveMany = () => Promise.reject(error);
    const users = cache.withSource(source, through);
    await users.get('a');
    const entries = [['a', 'new'] as const, ['b', 'new'] as const];
    await expect(users.setMany(entries)).rejects.toBe(error);
    expect(server.read('a')).toBeUndefined();
  });

  it('go one by one without it: each on its own', async () => {
    const { users, source, cache } = started();
    const { save } = source;
    source.save = (key, value, context) => (key === 'b' ? Promise.reject(new Error('b')) : save(key, value, context));
    const entries = [['a', '1'] as const, ['b', '2'] as const, ['c', '3'] as const];
    await expect(users.setMany(entries)).rejects.toThrow('b');
    expect([cache.peek('a'), cache.peek('b'), cache.peek('c')]).toEqual(['1', undefined, '3']);
  });
});

describe('reads through the cache', () => {
  it('ask the source once, and keep what it has', async () => {
    const { cache } = started();
    const load = vi.fn(async (key: string) => (key === 'none' ? undefined : `made of ${key}`));
    const read = cache.withSource({ load });
    expect(await Promise.all([read.get('a'), read.get('a'), read.get('none')])).toEqual(['made of a', 'made of a', undefined]);
    expect(load).toHaveBeenCalledTimes(2);
    expect(await read.getMany(['b', 'a', 'none'])).toEqual(
      new Map([
        ['b', 'made of b'],
        ['a', 'made of a'],
      ]),
    );
    expect(load).toHaveBeenCalledTimes(4);
  });

  it('ask for many at once where the source can', async () => {
    const { cache } = started();
    const loadMany = vi.fn((keys: readonly string[]) => new Map(keys.map((key) => [key, key.toUpperCase()])));
    const read = cache.withSource<string>({ load: (key) => key, loadMany });
    await cache.set('a', 'cached');
    expect([...(await read.getMany(['a', 'b', 'c'])).values()]).toEqual(['cached', 'B', 'C']);
    expect(loadMany.mock.calls.map(([keys]) => keys)).toEqual([['b', 'c']]);
  });

  it('without a write policy a set changes the cache only', async () => {
    const { cache, source } = started({ k: 'old' });
    const read = cache.withSource(source);
    await read.set('k', 'cached');
    expect([await read.get('k'), source.rows.get('k'), read.pending]).toEqual(['cached', 'old', 0]);
    await read.delete('k');
    expect(await read.get('k')).toBe('old');
  });
});

describe('what cannot be is refused at once', () => {
  const { cache } = simulatedProcess(world().clock, undefined);
  const load = () => 1;
  const loose = cache.withSource as (this: unknown, source: unknown, options?: unknown) => unknown;

  it.each([
    ['no source', undefined, undefined, /needs a source/],
    ['no load', { save: load }, { write: 'through' }, /needs load/],
    ['no save', { load }, { write: 'behind' }, /needs save/],
    ['a save that is no function', { load, save: 1 }, { write: 'through' }, /save of the source must be a function/],
    ['another policy', { load }, { write: 'back' }, /'none', 'through' or 'behind', got 'back'/],
    ['an option that there is not', { load }, { wirte: 'through' }, /does not know the option 'wirte'/],
    [
      'an option of another policy',
      { load, save: load },
      { write: 'through', maxQueued: 1 },
      /'maxQueued' with write 'through'/,
    ],
    ['a queue for nothing', { load, save: load }, { write: 'behind', maxQueued: 0 }, /maxQueued must be a whole number/],
    ['a delay below zero', { load, save: load }, { write: 'behind', delay: -1 }, /delay must not be negative/],
    ['no object of options', { load }, 'through', /takes an object of options/],
  ])('%s', (_, source, options, message) => {
    expect(() => loose.call(cache, source, options)).toThrow(message);
  });
});
