import { describe, expect, it, vi } from 'vitest';
import type { OutagePolicy, TieredCache } from '../../src/cache.js';
import { isOutage } from '../../src/errors.js';
import { givers, type Outage, type PatientOptions, patient, under } from '../support/outage-world.js';
import { deferred, settled } from '../support/simulated-process.js';

const outages: readonly Outage[] = ['refused', 'lost', 'unanswered', 'failing', 'open'];
const policies: readonly OutagePolicy[] = ['serve', 'source', 'throw'];
const outageTtl = 30_000;

/**
 * Fresh in memory, stale in memory, in L2 only. Nobody vouches any more for what is in memory, and L2 cannot be asked.
 */
async function untrusted(policy: OutagePolicy, giver: (typeof givers)[number], outage: Outage) {
  const options: PatientOptions = { bus: 'on', ill: outage };
  const p = under(policy, giver, (own) => patient({ ...options, outage: own }));
  const { cache, bus, clock, other, prefix } = p;
  await settled();
  await cache.setMany([
    ['stale', 'stale one', { ttl: '1s', grace: '1h' }],
    ['k', 'old', { ttl: '1h' }],
  ]);
  await other.set(`${prefix}elsewhere`, 'theirs');
  clock.advance(1_000);
  bus.cut();
  await p.fallsIll(outage);
  return p;
}

type Wanted = { readonly [Policy in OutagePolicy]: unknown };
const away = Symbol('an error that tells of the outage');

/** What a call comes to: its value, or that it rejected because L2 is away. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return isOutage(error) || (error instanceof Error && error.name === 'BackendError') ? away : error;
  }
}

const reads: readonly [name: string, read: (cache: TieredCache, options: object) => Promise<unknown>, wanted: Wanted][] = [
  ['get', (cache, options) => cache.get('k', options), { serve: 'old', source: undefined, throw: away }],
  ['get of what is elsewhere', (cache, options) => cache.get('elsewhere', options), { serve: undefined, source: undefined, throw: away }], // biome-ignore format: one line
  ['getEntry', async (cache, options) => (await cache.getEntry('k', options))?.value, { serve: 'old', source: undefined, throw: away }], // biome-ignore format: one line
  ['getEntry of what is stale', async (cache, options) => (await cache.getEntry('stale', options))?.value, { serve: 'stale one', source: undefined, throw: away }], // biome-ignore format: one line
  ['getMany', async (cache, options) => [...(await cache.getMany(['elsewhere', 'k', 'stale'], options))], { serve: [['k', 'old']], source: [], throw: away }], // biome-ignore format: one line
  ['has', (cache, options) => cache.has('k', options), { serve: true, source: false, throw: away }],
  ['ttl', (cache, options) => cache.ttl('k', options), { serve: 3_599_000, source: undefined, throw: away }],
];

describe.each(policies)('reads under %s', (policy) => {
  describe.each(givers)('given by %s', (giver) => {
    it.each(outages)('while L2 is away: %s', async (outage) => {
      const { cache, options, core } = await untrusted(policy, giver, outage);
      for (const [name, read, wanted] of reads) {
        expect([name, await outcome(read(cache, options))]).toEqual([name, wanted[policy]]);
      }
      expect([core.journal.size, core.fence.size]).toEqual([0, 0]);
    });
  });

  it('serve what is known to be true, of whatever policy, and ask nobody', async () => {
    const { cache, fallsIll, core } = patient({ outage: policy });
    await cache.set('k', 'true');
    await fallsIll('refused');
    expect([cache.peek('k'), await cache.get('k'), await cache.has('k')]).toEqual(['true', 'true', true]);
    expect([...(await cache.getMany(['k']))]).toEqual([['k', 'true']]);
    expect(await cache.getOrSet('k', () => 'made')).toBe('true');
    expect(core.counters.l2Errors).toBe(0);
  });
});

describe('peek', () => {
  it.each([
    ['serve', 'open', 'old'],
    // It does not ask, so it cannot know.
    ['serve', 'refused', undefined],
    ['source', 'open', undefined],
    ['throw', 'open', undefined],
  ] as const)('under %s, L2 %s, gives %s', async (policy, outage, wanted) => {
    for (const giver of ['the cache', 'its namespace', 'an outer namespace'] as const) {
      expect((await untrusted(policy, giver, outage)).cache.peek('k')).toBe(wanted);
    }
  });
});

describe.each(givers)('getOrSet, its policy given by %s', (giver) => {
  const no = new Error('the source is away too');

  describe.each(outages)('L2 %s', (outage) => {
    it('serve: memory, else the factory, whose value is kept for as long as an outage', async () => {
      const { cache, options, core, clock, prefix } = await untrusted('serve', giver, outage);
      const factory = vi.fn(() => 'made');
      expect(await cache.getOrSet('k', factory, options)).toBe('old');
      expect(factory).not.toHaveBeenCalled();
      for (const key of ['stale', 'elsewhere']) {
        expect(await cache.getOrSet(key, factory, { ttl: '1h', ...options })).toBe('made');
        expect(await cache.getOrSet(key, factory, options)).toBe('made');
        expect(core.local.get(prefix + key)?.expiresAt).toBe(clock.now() + outageTtl);
      }
      expect(factory).toHaveBeenCalledTimes(2);
      expect(await cache.getOrSet('k', factory, { forceFresh: true, ...options })).toBe('made');
      expect(await cache.get('k', options)).toBe('made');
    });

    it('serve: a stale copy stands in for a factory that fails', async () => {
      const { cache, options } = await untrusted('serve', giver, outage);
      expect(await cache.getOrSet('stale', () => Promise.reject(no), options)).toBe('stale one');
      await expect(cache.getOrSet('elsewhere', () => Promise.reject(no), options)).rejects.toBe(no);
    });

    it('source: the factory each time, and nothing is kept', async () => {
      const { cache, options, core, prefix } = await untrusted('source', giver, outage);
      const factory = vi.fn(() => 'made');
      for (const key of ['k', 'stale', 'elsewhere']) {
        const before = core.local.get(prefix + key)?.value;
        for (const forceFresh of [false, true]) {
          expect(await cache.getOrSet(key, factory, { forceFresh, ...options })).toBe('made');
        }
        expect(core.local.get(prefix + key)?.value).toBe(before);
      }
      expect(factory).toHaveBeenCalledTimes(6);
      for (const key of ['k', 'stale', 'elsewhere']) {
        await expect(cache.getOrSet(key, () => Promise.reject(no), options)).rejects.toBe(no);
      }
    });

    it('throw: no factory runs', async () => {
      const { cache, options, core } = await untrusted('throw', giver, outage);
      const factory = vi.fn(() => 'made');
      for (const key of ['k', 'stale', 'elsewhere']) {
        for (const forceFresh of [false, true]) {
          expect(await outcome(cache.getOrSet(key, factory, { forceFresh, ...options }))).toBe(away);
        }
      }
      expect(factory).not.toHaveBeenCalled();
      expect([core.fence.size, core.flights.size, core.journal.size]).toEqual([0, 0, 0]);
    });
  });
});

describe.each(givers)('getOrSetMany, its policy given by %s', (giver) => {
  it.each([
    ['serve', ['old', 'made', 'made'], ['stale', 'elsewhere'], ['old', 'made', 'made']],
    ['source', ['made', 'made', 'made'], ['k', 'stale', 'elsewhere'], ['old', 'stale one', undefined]],
    ['throw', away, undefined, ['old', 'stale one', undefined]],
  ] as const)('under %s', async (policy, wanted, made, kept) => {
    for (const outage of outages) {
      const { cache, options, core, prefix } = await untrusted(policy, giver, outage);
      const factory = vi.fn((keys: readonly string[]) => keys.map(() => 'made'));
      const keys = ['k', 'stale', 'elsewhere'];
      const call = cache.getOrSetMany(keys, factory, options).then((found) => keys.map((key) => found.get(key)));
      expect(await outcome(call)).toEqual(wanted);
      await settled();
      expect(factory.mock.calls.map(([asked]) => asked)).toEqual(made === undefined ? [] : [made]);
      expect(keys.map((key) => core.local.get(prefix + key)?.value)).toEqual(kept);
    }
  });
});

describe('a value that is stale but may be served while it is made anew', () => {
  it.each([
    ['serve', 'old', 1],
    ['source', 'old', 1],
    // It is known to be true, and nobody is told of a refresh that cannot be.
    ['throw', 'old', 0],
  ] as const)('is, under %s', async (outage, wanted, runs) => {
    const { cache, clock, fallsIll, core } = patient({ outage });
    await cache.set('k', 'old', { ttl: '1s', grace: '1h' });
    clock.advance(1_000);
    await fallsIll('refused');
    const factory = vi.fn(() => 'made');
    expect(await cache.getOrSet('k', factory, { swr: '1m' })).toBe(wanted);
    await settled();
    expect([factory.mock.calls.length, core.flights.size, core.fence.size]).toEqual([runs, 0, 0]);
  });
});

describe('callers at the same time', () => {
  it('share a load with those of their policy, and with nobody else', async () => {
    const { cache, fallsIll } = patient();
    await fallsIll('refused');
    const factory = deferred<string>();
    const run = vi.fn(() => factory.promise);
    const all = (outage: OutagePolicy) => Array.from({ length: 5 }, () => outcome(cache.getOrSet('k', run, { outage })));
    const answers = [all('serve'), all('source'), all('throw'), all('serve'), all('source')];
    await settled();
    factory.resolve('made');
    const made = Array(5).fill('made');
    expect(await Promise.all(answers.map((each) => Promise.all(each)))).toEqual([made, made, Array(5).fill(away), made, made]);
    expect(run).toHaveBeenCalledTimes(2);
    expect(cache.stats().coalesced).toBe(4 + 4 + 4 + 5 + 5);
    // The caller that wants it kept has it kept, whoever was first.
    expect(cache.peek('k')).toBe('made');
  });

  it('of different policies have one factory run while L2 is there', async () => {
    const { cache, clock } = patient();
    const run = vi.fn(async () => 'made');
    const answers = policies.map((outage) => cache.getOrSet('k', run, { outage }));
    for (let turn = 0; turn < 20; turn += 1) {
      await settled();
      clock.advance(10);
    }
    expect(await Promise.all(answers)).toEqual(['made', 'made', 'made']);
    expect(run).toHaveBeenCalledTimes(1);
  });
});

describe('an L2 that goes away while the factory runs', () => {
  it.each([
    ['serve', 'made'],
    ['source', undefined],
    ['throw', undefined],
  ] as const)('under %s its value is handed out, and memory then has %s', async (outage, kept) => {
    const { cache, fallsIll, server } = patient({ outage });
    const factory = deferred<string>();
    const answer = cache.getOrSet('k', () => factory.promise);
    await settled();
    await fallsIll('refused');
    factory.resolve('made');
    expect(await answer).toBe('made');
    expect([cache.peek('k'), server.read('k')]).toEqual([kept, undefined]);
  });
});
