import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Factory, TieredCache } from '../../src/cache.js';
import { CircularLoadError, FactoryTimeoutError } from '../../src/errors.js';
import { deferred, pass, settled, simulatedProcess, world } from '../support/simulated-process.js';

afterEach(() => {
  vi.restoreAllMocks();
});

function started(tiers: string) {
  const w = world();
  const shared = w.process('p');
  const alone = simulatedProcess(w.clock, undefined);
  const { cache, core } = tiers === 'memory alone' ? alone : shared;
  function nothingLeft(): void {
    expect([core.flights.size, core.fence.size, w.server.leasedKeys(), w.clock.pending]).toEqual([0, 0, [], 0]);
  }
  return { ...w, cache, core, nothingLeft };
}

async function refusal(answer: Promise<unknown>): Promise<CircularLoadError> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CircularLoadError);
  return error as CircularLoadError;
}

const moments: Record<string, () => unknown> = {
  'at once': () => undefined,
  'after an await': () => Promise.resolve(),
  'after a timer': () => new Promise((resolve) => setTimeout(resolve, 1)),
  'in a later turn': settled,
};

const ownKey: Record<string, (cache: TieredCache, again: Factory<unknown>) => Promise<unknown>> = {
  'with the same factory': (cache, again) => cache.getOrSet('n:k', again),
  'with another factory': (cache) => cache.getOrSet('n:k', () => 'other'),
  'with forceFresh': (cache, again) => cache.getOrSet('n:k', again, { forceFresh: true }),
  'with another factory and forceFresh': (cache) => cache.getOrSet('n:k', () => 'other', { forceFresh: true }),
  'under another outage policy': (cache, again) => cache.getOrSet('n:k', again, { outage: 'source' }),
  'through a namespace': (cache, again) => cache.namespace('n').getOrSet('k', again),
  'after it deleted it': async (cache, again) => {
    await cache.delete('n:k');
    return cache.getOrSet('n:k', again);
  },
  'after a tag was invalidated': async (cache, again) => {
    await cache.invalidateTags(['t']);
    return cache.getOrSet('n:k', again);
  },
  'beside others': (cache, again) => Promise.all(['a', 'n:k'].map((key) => cache.getOrSet(key, again))),
};

describe.each([{ tiers: 'memory and L2' }, { tiers: 'memory alone' }])('over $tiers', ({ tiers }) => {
  describe.each(Object.keys(moments))('a factory that asks for its own key %s', (moment) => {
    it.each(Object.keys(ownKey))('%s is refused', async (way) => {
      const { cache, nothingLeft } = started(tiers);
      const again: Factory<unknown> = async () => {
        await moments[moment]?.();
        return ownKey[way]?.(cache, again);
      };
      const error = await refusal(cache.getOrSet('n:k', again));
      expect(error).toMatchObject({
        name: 'CircularLoadError',
        code: 'ERR_TIERKEEP_CIRCULAR_LOAD',
        key: 'n:k',
        retryable: false,
      });
      expect(error.message).toMatch(/^The factory of "n:k" asked getOrSet\(\) for "n:k" and would have waited for itself/);
      await vi.waitFor(nothingLeft, 10_000);
    });
  });

  it('is refused under forceFresh too, and every caller is told', async () => {
    const { cache, nothingLeft } = started(tiers);
    const asksItself: Factory<unknown> = async () => {
      await settled();
      return cache.getOrSet('k', asksItself);
    };
    const callers = Array.from({ length: 3 }, () => cache.getOrSet('k', asksItself, { forceFresh: true }));
    const errors = await Promise.all(callers.map(refusal));
    expect(new Set(errors).size).toBe(1);
    expect(cache.stats()).toMatchObject({ factoryRuns: 1, factoryErrors: 1 });
    nothingLeft();
  });

  it('a stale value stands in for a factory that was refused', async () => {
    const { cache, clock } = started(tiers);
    await cache.set('k', 'stale', { ttl: '1s', grace: '1m' });
    clock.advance(1_000);
    const asksItself: Factory<unknown> = () => cache.getOrSet('k', asksItself);
    expect(await cache.getOrSet('k', asksItself)).toBe('stale');
  });

  it('a factory that catches the refusal makes its value', async () => {
    const { cache, nothingLeft } = started(tiers);
    const asksItself: Factory<string> = () => cache.getOrSet('k', asksItself).catch(() => 'from the source');
    expect(await cache.getOrSet('k', asksItself)).toBe('from the source');
    expect(await cache.get('k')).toBe('from the source');
    nothingLeft();
  });

  it.each([2, 3, 50])('a circle of %i keys that one call goes round is refused where it closes', async (size) => {
    const { cache, nothingLeft } = started(tiers);
    const load = (index: number): Promise<unknown> =>
      cache.getOrSet(`k${index}`, async () => {
        await settled();
        return load((index + 1) % size);
      });
    const { message, key } = await refusal(load(0));
    expect(key).toBe('k0');
    expect(message).toContain(`The factory of "k${size - 1}" asked getOrSet() for "k0" and would have waited for itself`);
    if (size === 3) expect(message).toContain('the factory of "k0" waits for that of "k1" waits for that of "k2".');
    nothingLeft();
  });

  it.each([
    ['at once', () => Promise.resolve()],
    ['in later turns', settled],
  ])('what the factories of a circle left running %s comes to an end', async (_moment, turn) => {
    const { cache, nothingLeft } = started(tiers);
    const children: Record<string, string[]> = { a: ['b', 'c', 'd'], b: ['a', 'd'], c: ['b', 'a'], d: ['d', 'c', 'a'] };
    const load = (node: string): Promise<unknown> =>
      cache.getOrSet(node, async () => {
        await turn();
        return Promise.all((children[node] ?? []).map(load));
      });
    await Promise.all(Object.keys(children).map((node) => refusal(load(node))));
    await vi.waitFor(nothingLeft, 10_000);
    expect(cache.stats().factoryRuns).toBeLessThan(50);
  });

  it('so is one that two callers close between them, however they began', async () => {
    const { cache, nothingLeft } = started(tiers);
    const both = deferred();
    let begun = 0;
    const load = (key: string, other: string) =>
      cache.getOrSet(key, async () => {
        begun += 1;
        if (begun === 2) both.resolve();
        await both.promise;
        return cache.getOrSet(other, () => 'a second factory');
      });
    const errors = await Promise.all([load('a', 'b'), load('b', 'a')].map(refusal));
    expect(new Set(errors).size).toBe(1);
    nothingLeft();
  });

  it('and one over a load that was overtaken', async () => {
    const { cache, clock, nothingLeft } = started(tiers);
    const overtaken = deferred();
    const first = cache.getOrSet('k', async () => {
      await overtaken.promise;
      return cache.getOrSet('k', () => 'third');
    });
    await settled();
    const second = cache.getOrSet('k', () => 'second', { forceFresh: true });
    await settled();
    overtaken.resolve();
    if (tiers === 'memory alone') expect([await first, await second]).toEqual(['second', 'second']);
    else await refusal(first);
    await pass(clock, 300);
    expect(await second).toBe('second');
    nothingLeft();
  });

  it('asking is refused for as long as the load keeps its place, and no longer', async () => {
    const { cache, clock } = started(tiers);
    const late = deferred();
    const tooLate = deferred();
    const errors: unknown[] = [];
    const asksLate = async () => {
      await late.promise;
      await cache.getOrSet('k', () => 1).catch((error: unknown) => errors.push(error));
      await tooLate.promise;
      return cache.getOrSet('k', () => 'anew');
    };
    const answer = cache.getOrSet('k', asksLate, { hardTimeout: '1s' });
    answer.catch(() => undefined);
    await settled();
    await pass(clock, 1_000, 100);
    await expect(answer).rejects.toBeInstanceOf(FactoryTimeoutError);
    late.resolve();
    await settled();
    expect(errors).toEqual([expect.any(CircularLoadError)]);
    await pass(clock, 1_000, 100);
    tooLate.resolve();
    await pass(clock, 300);
    expect(await cache.get('k')).toBe('anew');
  });

  it('a factory may read, set and delete its own key', async () => {
    const { cache, nothingLeft } = started(tiers);
    const value = await cache.getOrSet('k', async () => {
      expect([await cache.get('k'), await cache.has('k'), await cache.delete('k')]).toEqual([undefined, false, false]);
      expect(await cache.getMany(['k'])).toEqual(new Map());
      await cache.set('k', 'set meanwhile');
      expect(await cache.get('k')).toBe('set meanwhile');
      return 'made';
    });
    expect(value).toBe('made');
    expect(await cache.get('k')).toBe('set meanwhile');
    nothingLeft();
  });

  it('many may wait for one, and one for many', async () => {
    const { cache, nothingLeft } = started(tiers);
    const wait = async (...keys: string[]) => {
      await settled();
      return (await Promise.all(keys.map(load))).join('');
    };
    const parts: Record<string, Factory<string>> = {
      a: () => wait('b', 'c', 'd'),
      b: () => wait('d', 'e'),
      c: () => wait('d', 'b', 'e'),
      d: () => wait('e', 'e'),
      e: async () => 'e',
    };
    function load(key: string): Promise<string> {
      return cache.getOrSet(key, parts[key] as Factory<string>);
    }
    expect(await Promise.all(['e', 'd', 'a', 'c', 'b'].map(load))).toEqual(['e', 'ee', 'eeeeeeeeeee', 'eeeeee', 'eee']);
    nothingLeft();
  });

  it('a thousand may wait one for the other', async () => {
    const { cache, nothingLeft } = started(tiers);
    const sum = (n: number): Promise<number> =>
      cache.getOrSet(`sum:${n}`, async () => (n < 2 ? n : n + (await Promise.all([sum(n - 1), sum(n - 2)]))[0]));
    expect(await sum(1_000)).toBe(500_500);
    nothingLeft();
  });

  it('what a factory left behind asks for itself', async () => {
    const { cache } = started(tiers);
    const left = deferred();
    let later: Promise<unknown> | undefined;
    const factory = () => {
      later = left.promise.then(() => cache.getOrSet('k', () => 'later', { forceFresh: true }));
      return 'at once';
    };
    expect(await cache.getOrSet('k', factory)).toBe('at once');
    const slow = deferred<string>();
    const other = cache.getOrSet('k', () => slow.promise, { forceFresh: true });
    await settled();
    left.resolve();
    await settled();
    slow.resolve('other');
    expect(await other).toBe('other');
    expect(await later).toBe('other');
  });

  it('a wait that was given up is none', async () => {
    const { cache } = started(tiers);
    const givenUp = deferred();
    const abort = new AbortController();
    const b = () => givenUp.promise.then(() => cache.getOrSet('a', () => 'never run'));
    let inner: Promise<unknown> | undefined;
    const outer = cache.getOrSet('a', async () => {
      inner = cache.getOrSet('b', b);
      const wait = cache.getOrSet('b', b, { signal: abort.signal });
      await Promise.race([wait, settled()]).catch(() => undefined);
      return 'made';
    });
    await settled();
    abort.abort();
    expect(await outer).toBe('made');
    givenUp.resolve();
    expect(await inner).toBe('made');
  });

  it('another cache is another matter, but a circle over two of them is found', async () => {
    const { cache, clock } = started(tiers);
    const other = simulatedProcess(clock, undefined).cache;
    expect(await cache.getOrSet('k', () => other.getOrSet('k', () => 'theirs'))).toBe('theirs');
    const round: Factory<unknown> = () => other.getOrSet('j', () => cache.getOrSet('j', round));
    expect((await refusal(cache.getOrSet('j', round))).key).toBe('j');
  });

  it('the caller’s own context reaches the factory, and what that calls', async () => {
    const { cache } = started(tiers);
    const request = new AsyncLocalStorage<string>();
    const inner = async () => {
      await settled();
      return request.getStore();
    };
    expect(await request.run('r', () => cache.getOrSet('a', () => cache.getOrSet('b', inner)))).toBe('r');
  });

  it('promises are dearer only while a factory runs', async () => {
    const { cache, clock } = started(tiers);
    const disabled = vi.spyOn(AsyncLocalStorage.prototype, 'disable');
    const slow = deferred<number>();
    const answers = [cache.getOrSet('a', () => slow.promise), cache.getOrSet('b', () => 2)];
    expect(await answers[1]).toBe(2);
    expect(disabled).not.toHaveBeenCalled();
    slow.resolve(1);
    await answers[0];
    expect(disabled).toHaveBeenCalledTimes(1);
    await expect(cache.getOrSet('c', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(disabled).toHaveBeenCalledTimes(2);
    const hung = cache.getOrSet('d', () => new Promise<never>(() => undefined), { hardTimeout: '1s' });
    hung.catch(() => undefined);
    await settled();
    await pass(clock, 2_000, 100);
    expect(disabled).toHaveBeenCalledTimes(3);
  });
});
