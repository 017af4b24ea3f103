import { describe, expect, it, vi } from 'vitest';
import type { WritableSource, WriteBehindOptions } from '../../src/cache.js';
import type { CacheEvents } from '../../src/events.js';
import type { Defaults } from '../../src/tiers/call-options.js';
import { deferred, pass, settled, world } from '../support/simulated-process.js';
import { recordOf } from '../support/source-races.js';

type Options = Omit<WriteBehindOptions, 'write'>;

function started(options: Options = {}, more: Partial<WritableSource<string>> = {}, defaults: Partial<Defaults> = {}) {
  const w = world();
  const p = w.process('p', { defaults, random: () => 0.5 });
  const source = { ...recordOf(), ...more };
  const saved: string[] = [];
  const record = source.save;
  source.save = (key, value, context) => {
    saved.push(`${key}=${value}`);
    return record(key, value, context);
  };
  const users = p.cache.withSource<string>(source, { write: 'behind', ...options });
  const unwritten: CacheEvents['source:unwritten'][] = [];
  p.cache.on('source:unwritten', (event) => unwritten.push(event));
  return { ...w, ...p, source, saved, users, unwritten };
}

describe('a write behind', () => {
  it('is in the cache at once and in the source a little later', async () => {
    const { users, source, clock, cache, server } = started();
    await users.set('k', 'v');
    expect([cache.peek('k'), server.read('k')?.value, source.rows.get('k')]).toEqual(['v', 'v', undefined]);
    expect([users.pending, cache.health().unwritten]).toEqual([1, 1]);
    await pass(clock, 99, 33);
    expect(source.rows.size).toBe(0);
    await pass(clock, 10);
    expect([source.rows.get('k'), users.pending, server.read('k')?.value]).toEqual(['v', 0, 'v']);
    expect([clock.pending, server.leases.size]).toEqual([0, 0]);
  });

  it('the last value of a key takes the place of those before it', async () => {
    const { users, saved, clock } = started();
    for (const value of ['1', '2', '3']) await users.set('k', value);
    await users.set('other', 'x');
    await pass(clock, 200);
    expect(saved).toEqual(['k=3', 'other=x']);
  });

  it('is read from the queue once it has left the tiers', async () => {
    const { users, cache, server } = started();
    await users.set('k', 'v');
    await users.delete('gone');
    server.entries.clear();
    await cache.clear();
    expect(await users.get('k')).toBe('v');
    expect(await users.get('gone')).toBeUndefined();
    expect(await users.getMany(['gone', 'k', 'none'])).toEqual(new Map([['k', 'v']]));
  });

  it('keeps the value as it was', async () => {
    const { cache, clock } = started();
    const save = vi.fn();
    const rows = cache.withSource<{ n: number }>({ load: () => undefined, save }, { write: 'behind' });
    const value = { n: 1 };
    await rows.set('k', value);
    value.n = 2;
    await pass(clock, 200);
    expect(save.mock.calls[0]?.[1]).toEqual({ n: 1 });
  });

  it('comes in the order of the calls, also a delete', async () => {
    const { users, source, clock } = started();
    const done: string[] = [];
    const { save } = source;
    source.save = (...given) => {
      done.push('save');
      return save(...given);
    };
    source.remove = () => void done.push('remove');
    await users.set('k', 'v');
    await pass(clock, 200);
    await users.delete('k');
    await pass(clock, 200);
    await users.set('k', 'w');
    await users.delete('k');
    await pass(clock, 200);
    expect(done).toEqual(['save', 'remove', 'remove']);
  });

  it('never two of one key at a time: a newer one waits for the older, however long that takes', async () => {
    const { users, source, clock, server } = started();
    const first = deferred();
    const begun: string[] = [];
    const { save } = source;
    source.save = async (key, value, context) => {
      begun.push(value);
      if (value === 'first') await first.promise;
      return save(key, value, context);
    };
    await users.set('k', 'first');
    await pass(clock, 200);
    await users.set('k', 'second');
    await users.set('other', 'x');
    await pass(clock, 1_000, 50);
    expect(begun).toEqual(['first', 'x']);
    expect([users.pending, await users.get('k')]).toEqual([1, 'second']);
    first.resolve();
    await pass(clock, 200);
    expect(begun).toEqual(['first', 'x', 'second']);
    expect([source.rows.get('k'), server.read('k')?.value, users.pending]).toEqual(['second', 'second', 0]);
  });

  it('of two processes in whichever order leaves cached what the source has, or nothing', async () => {
    for (const hurried of ['one', 'other']) {
      const { users, source, process, clock } = started({ delay: hurried === 'one' ? 10 : 300 });
      const second = process('other').cache.withSource<string>(source, { write: 'behind', delay: 100 });
      await users.set('k', 'of one');
      await second.set('k', 'of other');
      await pass(clock, 1_000, 10);
      const cached = await process('third').cache.get('k');
      expect([source.rows.get('k'), undefined]).toContain(cached);
      expect(source.rows.get('k')).toBe(hurried === 'one' ? 'of other' : 'of one');
    }
  });
});

it('what no tier takes is not queued either, and what was queued before stays', async () => {
  const { users, l2, saved, clock, cache } = started();
  await users.set('k', 'first');
  const error = new Error('cannot be encoded');
  const failing = vi.spyOn(l2, 'writeMany').mockRejectedValue(error);
  await expect(users.set('k', 'second')).rejects.toBe(error);
  await expect(users.set('other', 'x')).rejects.toBe(error);
  failing.mockRestore();
  expect(cache.health().unwritten).toBe(1);
  await pass(clock, 200);
  expect(saved).toEqual(['k=first']);
});

describe('batches', () => {
  const lists = (saveMany: ReturnType<typeof vi.fn>) =>
    saveMany.mock.calls.map(([values]) => [...(values as ReadonlyMap<string, string>).keys()].join(''));

  it('go to saveMany, of batchSize at most', async () => {
    const saveMany = vi.fn();
    const { users, clock } = started({ batchSize: 3 }, { saveMany });
    await users.setMany([...'abcde'].map((key) => [key, 'v'] as const));
    await pass(clock, 200);
    expect(lists(saveMany)).toEqual(['abc', 'de']);
    expect(users.pending).toBe(0);
  });

  it('what the source never takes holds up nothing else', async () => {
    const written = new Set<string>();
    const saveOrRefuse = (keys: Iterable<string>) => {
      const all = [...keys];
      if (all.includes('c')) throw new Error('c is poison');
      for (const key of all) written.add(key);
    };
    const { users, clock } = started({ batchSize: 4 }, { saveMany: (values) => saveOrRefuse(values.keys()) });
    await users.setMany([...'abcd'].map((key) => [key, 'v'] as const));
    await pass(clock, 5_000, 20);
    // Alone they go to save.
    expect([users.pending, written.has('a'), written.has('b')]).toEqual([0, true, true]);
  });
});

describe('a source that fails', () => {
  it('is asked again after longer and longer pauses, until it takes it', async () => {
    const { users, source, clock, cache } = started({ backOff: 100 });
    const { save } = source;
    const error = new Error('down');
    const tries: number[] = [];
    let down = true;
    source.save = (...given) => {
      tries.push(clock.monotonic());
      return down ? Promise.reject(error) : save(...given);
    };
    const told: unknown[] = [];
    cache.on('source:error', (event) => told.push(event));
    await users.set('k', 'v');
    await pass(clock, 1_500);
    expect(tries.length).toBeGreaterThanOrEqual(4);
    const pauses = tries.slice(1).map((at, index) => at - (tries[index] as number));
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(told[0]).toEqual({ keys: ['k'], error });
    // What is cached is still what was set.
    expect([await users.get('k'), users.pending]).toEqual(['v', 1]);
    down = false;
    await pass(clock, 5_000, 50);
    expect([source.rows.get('k'), users.pending, clock.pending]).toEqual(['v', 0, 0]);
  });

  it('has its say in flush(), which keeps what was refused', async () => {
    const { users, source } = started();
    const { save } = source;
    const error = new Error('down');
    source.save = () => Promise.reject(error);
    await users.set('k', 'v');
    await expect(users.flush()).rejects.toBe(error);
    expect(users.pending).toBe(1);
    source.save = save;
    await users.flush();
    expect([source.rows.get('k'), users.pending]).toEqual(['v', 0]);
    await users.flush();
  });

  it('by never settling: given up after twice the hard time-out, and asked again', async () => {
    const { users, source, clock } = started({}, {}, { hardTimeout: 1_000 });
    const { save } = source;
    const signals: AbortSignal[] = [];
    source.save = (_key, _value, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    await users.set('k', 'v');
    await pass(clock, 1_500, 50);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    source.save = save;
    await pass(clock, 3_000, 50);
    expect([source.rows.get('k'), users.pending]).toEqual(['v', 0]);
  });
});

describe('the queue is bounded', () => {
  it('one more is refused, and changes nothing; what is queued may be written again', async () => {
    const { users, server, cache, clock } = started({ maxQueued: 2 });
    await users.set('a', '1');
    await users.set('b', '1');
    await expect(users.set('c', '1')).rejects.toMatchObject({ name: 'QueueFullError', retryable: true });
    await expect(users.delete('c')).rejects.toMatchObject({ name: 'QueueFullError' });
    expect([server.read('c'), cache.peek('c'), users.pending]).toEqual([undefined, undefined, 2]);
    await users.set('a', '2');
    await pass(clock, 200);
    await users.set('c', '1');
  });

  it('10,000 keys while the source is down come to their end', async () => {
    const { users, source, clock } = started({ backOff: 1_000 }, {}, { budget: 60_000 });
    const { save } = source;
    const warn = vi.spyOn(process, 'emitWarning');
    source.save = () => Promise.reject(new Error('down'));
    await users.setMany(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, 'v'] as const));
    await pass(clock, 500, 100);
    expect(users.pending).toBe(10_000);
    source.save = save;
    const flushed = users.flush();
    for (let turn = 0; turn < 10_000 && users.pending > 0; turn += 1) await settled();
    await flushed;
    expect([source.rows.size, users.pending]).toEqual([10_000, 0]);
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('close()', () => {
  it('writes what is queued', async () => {
    const { users, source, cache, unwritten } = started();
    await users.set('k', 'v');
    await cache.close();
    expect([source.rows.get('k'), unwritten]).toEqual(['v', []]);
    await expect(users.set('k', 'w')).rejects.toMatchObject({ name: 'ClosedError' });
    await expect(users.get('k')).rejects.toMatchObject({ name: 'ClosedError' });
  });

  it('tries until its bound, and tells what was not written', async () => {
    const { users, source, cache, unwritten, clock } = started({ closeTimeout: 1_000 });
    const error = new Error('down');
    const save = vi.fn(() => Promise.reject(error));
    source.save = save;
    await users.set('k', 'v');
    await users.delete('gone');
    source.remove = () => Promise.reject(error);
    const closed = cache.close();
    await pass(clock, 1_100, 20);
    await closed;
    expect(save.mock.calls.length).toBeGreaterThan(1);
    expect(unwritten).toEqual([{ values: new Map([['k', 'v']]), removed: ['gone'], error }]);
    expect(clock.pending).toBe(0);
  });

  it('ends a flush that waits', async () => {
    const { users, source, cache, clock } = started({ closeTimeout: 1_000 });
    source.save = () => new Promise(() => undefined);
    await users.set('k', 'v');
    const flushed = users.flush();
    const outcome = expect(flushed).rejects.toMatchObject({ name: 'ClosedError' });
    const closed = cache.close();
    await pass(clock, 2_500, 20);
    await closed;
    await outcome;
    await expect(users.flush()).rejects.toMatchObject({ name: 'ClosedError' });
  });

  it('does not wait for a source that never settles', async () => {
    const { users, source, cache, unwritten, clock } = started({ closeTimeout: 1_000 });
    let signal: AbortSignal | undefined;
    source.save = (_key, _value, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    };
    await users.set('k', 'v');
    const closed = cache.close();
    await pass(clock, 2_500, 20);
    await closed;
    expect(unwritten).toEqual([{ values: new Map([['k', 'v']]), removed: [], error: undefined }]);
    await settled();
    expect([signal?.aborted, clock.pending]).toEqual([true, 0]);
  });
});

describe('while L2 is away', () => {
  it('the source has it all the same, and L2 is told later', async () => {
    const { users, source, l2, core, clock } = started();
    l2.down = true;
    await users.set('k', 'v', { outage: 'throw' });
    expect(await users.get('k')).toBe('v');
    await pass(clock, 300);
    expect([source.rows.get('k'), users.pending, core.journal.holds('k')]).toEqual(['v', 0, true]);
    expect(await users.get('k')).toBe('v');
  });
});
