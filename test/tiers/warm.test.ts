import { describe, expect, it, vi } from 'vitest';
import type { WarmProgress, WarmReport } from '../../src/cache.js';
import { ClosedError, ConfigError, InvalidKeyError, InvalidValueError } from '../../src/errors.js';
import { eventually } from '../support/eventually.js';
import { deferred, pass, settled, simulatedProcess, world } from '../support/simulated-process.js';

const keys = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`);

const upper = () => vi.fn((asked: readonly string[]) => asked.map((key) => key.toUpperCase()));

/** Without what a test cannot know. */
const counts = ({ total, loaded, fresh, missing, failed }: WarmReport) => ({
  ...{ total, loaded, fresh, missing },
  failed: failed.map(({ key, error }) => `${key}: ${error instanceof Error ? error.message : error}`),
});

describe('warm with keys', () => {
  it('loads in batches what is not fresh, and tells', async () => {
    const { cache } = world().process('p');
    await cache.set('k3', 'fresh');
    const factory = upper();
    const progress: WarmProgress[] = [];
    const report = await cache.warm(keys(10), factory, { batchSize: 4, onProgress: (step) => progress.push(step) });
    expect(counts(report)).toEqual({ total: 10, loaded: 9, fresh: 1, missing: 0, failed: [] });
    expect(factory.mock.calls.map(([asked]) => asked.length)).toEqual([3, 4, 2]);
    expect(progress).toHaveLength(4);
    expect(progress.every(({ total, over }, index) => total === 10 && over === (index === 3))).toBe(true);
    expect(progress.at(-1)?.done).toBe(10);
    expect([await cache.get('k3'), await cache.get('k9')]).toEqual(['fresh', 'K9']);
    const again = await cache.warm(new Set(keys(10)), factory);
    expect(counts(again)).toEqual({ total: 10, loaded: 0, fresh: 10, missing: 0, failed: [] });
    expect(factory).toHaveBeenCalledTimes(3);
  });

  it('tells what is missing and what failed; one batch that fails ends no other', async () => {
    const w = world();
    const { cache } = w.process('p');
    const factory = (asked: readonly string[]) => {
      if (asked.includes('k2')) throw new Error('source down');
      return new Map<string, unknown>(asked.filter((key) => key !== 'k4').map((key) => [key, key === 'k5' ? () => key : key]));
    };
    const report = await cache.warm([...keys(6), '', 'k0'], factory, { batchSize: 2, concurrency: 1 });
    const { failed, ...rest } = counts(report);
    expect(rest).toEqual({ total: 8, loaded: 2, fresh: 1, missing: 1 });
    expect(failed.map((line) => line.split(':')[0])).toEqual(['k2', 'k3', 'k5', '']);
    expect(report.failed[2]?.error).toBeInstanceOf(InvalidValueError);
    expect(report.failed[3]?.error).toBeInstanceOf(InvalidKeyError);
  });

  it('makes anew what is stale, within swr too, and tells of a failure that something stale stood in for', async () => {
    const w = world();
    const { cache } = w.process('p', { defaults: { swr: 60_000, grace: 60_000, softTimeout: 1 } });
    await cache.setMany(
      [
        ['a', 'old'],
        ['b', 'old'],
      ],
      { ttl: '1s' },
    );
    await pass(w.clock, 1_000, 500);
    const slow = deferred<string[]>();
    const answer = cache.warm(['a'], () => slow.promise);
    await eventually(() => cache.stats().factoryRuns === 1);
    await pass(w.clock, 100);
    slow.resolve(['A']);
    expect(counts(await answer)).toMatchObject({ loaded: 1 });
    expect(await cache.get('a')).toBe('A');
    const report = await cache.warm(['b'], () => Promise.reject(new Error('source down')));
    expect(counts(report)).toMatchObject({ total: 1, failed: ['b: source down'] });
  });

  it('is of a namespace, and forceFresh loads what is fresh', async () => {
    const { cache } = world().process('p');
    await cache.set('n:a', 'old');
    const space = cache.namespace('n');
    await space.set('a', 'old');
    expect(counts(await space.warm(['a'], upper(), { forceFresh: true }))).toMatchObject({ loaded: 1 });
    expect(await space.get('a')).toBe('A');
  });

  it('has so many batches under way and no more, and takes no more of the list than that', async () => {
    const { cache } = simulatedProcess(world().clock, undefined);
    let taken = 0;
    async function* list() {
      for (const key of keys(1_000)) {
        taken += 1;
        yield key;
      }
    }
    let running = 0;
    let most = 0;
    const gate = deferred();
    const report = cache.warm(
      list(),
      async (asked) => {
        running += 1;
        most = Math.max(most, running);
        await gate.promise;
        running -= 1;
        return asked.map(() => 1);
      },
      { concurrency: 3, batchSize: 10 },
    );
    await eventually(() => running === 3);
    for (let turn = 0; turn < 20; turn += 1) await settled();
    expect([running, taken]).toEqual([3, 40]);
    gate.resolve();
    expect(counts(await report)).toEqual({ total: 1_000, loaded: 1_000, fresh: 0, missing: 0, failed: [] });
    expect(most).toBe(3);
  });

  it('keeps the first 1,000 failures and counts all', async () => {
    const { cache } = simulatedProcess(world().clock, undefined);
    const report = await cache.warm(keys(1_200), () => Promise.reject(new Error('down')));
    expect([report.total, report.loaded, report.failed.length]).toEqual([1_200, 0, 1_000]);
  });

  it('ends with the reason of its signal, and begins nothing more', async () => {
    const { cache } = world().process('p');
    const gone = new AbortController();
    let closed = false;
    function* endless() {
      try {
        for (let index = 0; ; index += 1) yield `k${index}`;
      } finally {
        closed = true;
      }
    }
    let runs = 0;
    const told: boolean[] = [];
    const onProgress = ({ over }: WarmProgress) => {
      runs += 1;
      told.push(over);
      if (runs === 3) gone.abort(new Error('gone'));
    };
    const answer = cache.warm(endless(), upper(), { signal: gone.signal, concurrency: 1, batchSize: 5, onProgress });
    await expect(answer).rejects.toThrow('gone');
    await eventually(() => closed);
    expect(told).toEqual([false, false, false, true]);
    expect(await cache.get('k0')).toBe('K0');
    await expect(cache.warm(['a'], upper(), { signal: gone.signal })).rejects.toThrow('gone');
  });

  it.each([
    { whose: 'the list', list: () => broken(), onProgress: undefined },
    { whose: 'onProgress', list: () => keys(10), onProgress: () => fail() },
  ])('ends with an error of $whose', async ({ list, onProgress }) => {
    const { cache } = world().process('p');
    const options = onProgress === undefined ? { batchSize: 1 } : { batchSize: 1, onProgress };
    await expect(cache.warm(list(), upper(), options)).rejects.toThrow('broken');
    expect(await cache.get('k0')).toBe('K0');
  });

  it('ends when the cache is closed', async () => {
    const { cache } = simulatedProcess(world().clock, undefined);
    let runs = 0;
    const answer = cache.warm(keys(100), upper(), {
      ...{ batchSize: 1, concurrency: 1 },
      onProgress: () => {
        runs += 1;
        if (runs === 2) void cache.close();
      },
    });
    await expect(answer).rejects.toThrow(ClosedError);
    expect(runs).toBeLessThan(5);
    await expect(cache.warm(['a'], upper())).rejects.toThrow(ClosedError);
  });

  it('lets the process have its turn, even where all is in memory', async () => {
    const { cache } = simulatedProcess(world().clock, undefined);
    await cache.warm(keys(500), upper());
    let turns = 0;
    const count = setInterval(() => {
      turns += 1;
    }, 0);
    await cache.warm(
      keys(500).flatMap((key) => Array.from({ length: 20 }, () => key)),
      upper(),
      { batchSize: 5 },
    );
    clearInterval(count);
    expect(turns).toBeGreaterThan(0);
  });
});

function* broken() {
  yield 'k0';
  fail();
}

function fail(): never {
  throw new Error('broken');
}

describe('warm with entries', () => {
  it('stores them, in batches, each with its own life', async () => {
    const w = world();
    const { cache, l2 } = w.process('p');
    const entries = new Map(keys(5).map((key) => [key, key.toUpperCase()]));
    const progress: WarmProgress[] = [];
    const report = await cache.warm(entries, { batchSize: 2, concurrency: 1, onProgress: (step) => progress.push(step) });
    expect(counts(report)).toEqual({ total: 5, loaded: 5, fresh: 0, missing: 0, failed: [] });
    expect(progress.map(({ done, over }) => [done, over])).toEqual([
      [2, false],
      [4, false],
      [5, false],
      [5, true],
    ]);
    expect(l2.sent.filter((call) => call.startsWith('writeMany'))).toHaveLength(3);
    expect([...(await w.process('other').cache.getMany(keys(5)))]).toEqual([...entries]);
    await cache.warm([['a', 1, { ttl: '1s' }]], { ttl: '1h' });
    expect(await cache.ttl('a')).toBeLessThanOrEqual(1_000);
  });

  it('tells which could not be stored', async () => {
    const { cache, l2 } = world().process('p');
    const report = await cache.warm([
      ['a', 1],
      ['b', () => 1],
      ['', 1],
    ]);
    expect(counts(report)).toMatchObject({ total: 3, loaded: 1 });
    expect(report.failed.map(({ key }) => key)).toEqual(['b', '']);
    l2.down = true;
    const unsent = await cache.warm([['a', 2]], { outage: 'throw' });
    expect(unsent.failed.map(({ key }) => key)).toEqual(['a']);
  });
});

describe('bad input', () => {
  it.each([
    { what: 'keys without a factory', call: ['a'], options: undefined, says: /a list of \[key, value\] pairs/ },
    { what: 'a string', call: 'abc', options: undefined, says: /takes keys and a factory/ },
    { what: 'nothing', call: undefined, options: undefined, says: /takes keys and a factory/ },
    { what: 'no batches at once', call: [], options: { concurrency: 0 }, says: /concurrency must be/ },
    { what: 'half a key in a batch', call: [], options: { batchSize: 0.5 }, says: /batchSize must be/ },
    { what: 'an unknown option', call: [], options: { bachSize: 5 }, says: /'bachSize'/ },
  ])('$what is refused', async ({ call, options, says }) => {
    const { cache } = world().process('p');
    const answer = cache.warm(call as never, options as never);
    await expect(answer).rejects.toThrow(ConfigError);
    await expect(answer).rejects.toThrow(says);
  });
});
