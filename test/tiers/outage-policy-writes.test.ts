import { describe, expect, it } from 'vitest';
import type { OutagePolicy, TieredCache } from '../../src/cache.js';
import { BackendError, isOutage } from '../../src/errors.js';
import { type Giver, givers, type Outage, patient, under, unsure } from '../support/outage-world.js';
import { pass } from '../support/simulated-process.js';

const outages: readonly Outage[] = ['refused', 'lost', 'unanswered', 'failing', 'open'];
const outageTtl = 30_000;

/** A change to `k`, which is `old` in every tier, has the tag `t` and a grace. */
interface Change {
  readonly name: string;
  readonly run: (cache: TieredCache, options: object) => Promise<unknown>;
  /** What memory then has under `serve`: as `get`, and as a stand-in. */
  readonly here?: readonly [fresh: unknown, standIn: unknown];
  /** What there is for all once L2 is back; with the answer lost only, so that L2 did it, `executed`. */
  readonly after?: unknown;
  readonly executed?: unknown;
}

const changes: readonly Change[] = [
  { name: 'set', run: (cache, options) => cache.set('k', 'new', options), here: ['new', 'new'], executed: 'new' },
  { name: 'setMany', run: (cache, options) => cache.setMany([['k', 'new']], options), here: ['new', 'new'], executed: 'new' },
  { name: 'delete', run: (cache, options) => cache.delete('k', options) },
  {
    name: 'soft delete',
    run: (cache, options) => cache.delete('k', { soft: true, ...options }),
    here: [undefined, 'old'],
    after: 'old',
    executed: 'old',
  },
  { name: 'deleteMany', run: (cache, options) => cache.deleteMany(['k', 'none'], options) },
  { name: 'deletePattern', run: (cache, options) => cache.deletePattern('k*', options) },
  { name: 'clear', run: (cache, options) => cache.clear(options) },
  { name: 'clear, physical', run: (cache, options) => cache.clear({ physical: true, ...options }) },
  { name: 'invalidateTags', run: (cache, options) => cache.invalidateTags(['t'], options) },
  {
    name: 'invalidateTags, soft',
    run: (cache, options) => cache.invalidateTags(['t'], { soft: true, ...options }),
    here: [undefined, 'old'],
    after: 'old',
    executed: 'old',
  },
];

const atomic: readonly Change[] = [
  { name: 'increment', run: (cache, options) => cache.increment('n', 1, options) },
  { name: 'setIfAbsent', run: (cache, options) => cache.setIfAbsent('new', 1, options) },
  { name: 'expire', run: (cache, options) => cache.expire('k', '1m', options) },
];

async function ill(policy: OutagePolicy, giver: Giver, outage: Outage) {
  const p = under(policy, giver, (own) =>
    patient({ ill: outage, outage: own, defaults: { ttl: 3_600_000, grace: 3_600_000 } }),
  );
  await p.cache.set('k', 'old', { tags: ['t'] });
  await p.cache.set('n', 1);
  await p.fallsIll(outage);
  return p;
}

const no = () => Promise.reject(new Error('nothing stands in'));
const standInOf = (cache: TieredCache, key = 'k') => cache.getOrSet(key, no, { outage: 'serve' }).catch(() => undefined);

const circumstances = [
  ...outages.map((outage) => ['the cache', outage] as const),
  ...givers.slice(1).map((giver) => [giver, 'lost'] as const),
];

describe.each(circumstances)('a change, its policy given by %s, L2 %s', (giver, outage) => {
  it.each(changes)('serve: $name is in force here at once, and everywhere when L2 is back', async (change) => {
    const { cache, options, other, prefix, recovers, core, clock } = await ill('serve', giver, outage);
    await change.run(cache, options);
    const [fresh, standIn] = change.here ?? [undefined, undefined];
    expect([cache.peek('k'), await cache.get('k', options), await standInOf(cache)]).toEqual([fresh, fresh, standIn]);
    if (fresh !== undefined) expect(core.local.get(`${prefix}k`)?.expiresAt).toBe(clock.now() + outageTtl);
    expect(cache.health().journal?.names).toBeGreaterThan(0);
    await recovers();
    expect(cache.health().journal?.names).toBe(0);
    await expectInForce(change, outage, cache, other, prefix);
  });

  it.each(changes)('source: $name the same, and a set is kept nowhere', async (change) => {
    const { cache, options, other, prefix, recovers, core } = await ill('source', giver, outage);
    await change.run(cache, options);
    expect(await cache.get('k', options)).toBeUndefined();
    if (change.name.startsWith('set')) expect(core.local.get(`${prefix}k`)).toBeUndefined();
    await recovers();
    await expectInForce(change, outage, cache, other, prefix);
  });

  it.each([...changes, ...atomic])('throw: $name rejects, and nothing is done later', async (change) => {
    const { cache, options, server, prefix, l2, clock, core } = await ill('throw', giver, outage);
    const before = [cache.peek('k'), core.local.get(`${prefix}k`)];
    const error: unknown = await change.run(cache, options).catch((reason: unknown) => reason);
    expect(outage === 'failing' ? error instanceof BackendError : isOutage(error)).toBe(true);
    expect(cache.health().journal).toEqual({ names: 0, overflowed: false });
    // Nothing old is in memory if L2 may have done it, and if it surely has not, memory is as it was.
    // Of batches of which the last failed, some may have been done.
    const inBatches = change.name === 'deletePattern' && outage !== 'open';
    const isUnsure = unsure.includes(outage) || outage === 'failing' || inBatches;
    if (!isUnsure) expect([cache.peek('k'), core.local.get(`${prefix}k`)]).toEqual(before);
    else if (changes.includes(change)) expect(cache.peek('k')).toBeUndefined();
    const there = server.read(`${prefix}k`);
    if (outage !== 'unanswered') expect(there?.value).toBe('old');
    l2.ails = 'none';
    await pass(clock, 5_000, 250);
    expect(server.read(`${prefix}k`)).toEqual(there);
    expect(core.fence.size).toBe(0);
  });

  it.each(atomic)('serve and source: $name rejects all the same', async (change) => {
    for (const policy of ['serve', 'source'] as const) {
      const { cache, options, server, prefix } = await ill(policy, giver, outage);
      await expect(change.run(cache, options)).rejects.toBeInstanceOf(BackendError);
      expect(cache.health().journal?.names).toBe(0);
      if (outage !== 'unanswered') expect(server.read(`${prefix}n`)?.value).toBe(1);
    }
  });
});

async function expectInForce(
  { after, executed }: Change,
  outage: Outage,
  cache: TieredCache,
  other: TieredCache,
  prefix: string,
) {
  const wanted = outage === 'unanswered' ? executed : after;
  const isFresh = wanted === 'new';
  expect([await cache.get('k'), await other.get(`${prefix}k`)]).toEqual(isFresh ? ['new', 'new'] : [undefined, undefined]);
  // Whoever reads it as the whole cache does sees what is stale, unless it is of a namespace that was cleared.
  expect([await standInOf(cache), await standInOf(other, `${prefix}k`)]).toEqual([wanted, wanted]);
}

describe('some of a batch', () => {
  const part = (keys: ReadonlySet<string>) =>
    new BackendError('a node is away', { backend: 'shared', operation: 'writeMany', partial: true, failedKeys: [...keys] });
  /** One node is away, and `b` is there. */
  function crippled(outage: OutagePolicy) {
    let isAway = false;
    const p = patient({
      outage,
      around: (store) => ({
        ...store,
        async writeMany(entries, deadline) {
          if (!isAway) return store.writeMany(entries, deadline);
          await store.writeMany(new Map([...entries].filter(([key]) => key !== 'b')), deadline);
          throw part(new Set(['b']));
        },
        async removeMany(keys, deadline) {
          if (!isAway) return store.removeMany(keys, deadline);
          await store.removeMany(
            keys.filter((key) => key !== 'b'),
            deadline,
          );
          throw part(new Set(['b']));
        },
        async readMany(keys, deadline, unread) {
          const there = isAway ? keys.filter((key) => key !== 'b') : keys;
          const found = await store.readMany(there, deadline);
          for (const key of keys) if (!there.includes(key)) unread?.(key);
          return found;
        },
        async retract(keys, deadline) {
          if (isAway && keys.has('b')) throw part(new Set(['b']));
          return store.retract(keys, deadline);
        },
      }),
    });
    const failsInPart = (ails = true) => {
      isAway = ails;
    };
    return { ...p, failsInPart, heals: () => failsInPart(false) };
  }
  const pairs = (...values: unknown[]) => ['a', 'b', 'c'].map((key, index) => [key, values[index]] as const);

  it.each([
    ['serve', [1, 2, 3]],
    ['source', [1, undefined, 3]],
  ] as const)('that was not taken is made good under %s', async (outage, here) => {
    const { cache, other, failsInPart, heals, recovers, core, clock } = crippled(outage);
    await cache.setMany(pairs('x', 'y', 'z'));
    failsInPart();
    await cache.setMany(pairs(1, 2, 3), { ttl: '1h' });
    expect(['a', 'b', 'c'].map((key) => cache.peek(key))).toEqual(here);
    expect([core.journal.size, core.journal.holds('b')]).toEqual([1, true]);
    expect(core.local.get('a')?.freshUntil).toBe(clock.now() + 3_600_000);
    if (outage === 'serve') expect(core.local.get('b')?.freshUntil).toBe(clock.now() + outageTtl);
    heals();
    await recovers();
    expect([...(await cache.getMany(['a', 'b', 'c']))]).toEqual([['a', 1], ['c', 3]]); // biome-ignore format: one line
    expect([...(await other.getMany(['a', 'b', 'c']))]).toEqual([['a', 1], ['c', 3]]); // biome-ignore format: one line
  });

  it('is told under throw: memory has nothing old of any, and nothing is done later', async () => {
    const { cache, other, failsInPart, heals, recovers, core } = crippled('throw');
    await cache.setMany(pairs('x', 'y', 'z'));
    failsInPart();
    await expect(cache.setMany(pairs(1, 2, 3))).rejects.toMatchObject({ partial: true, failedKeys: ['b'] });
    expect([core.journal.size, core.local.size]).toEqual([0, 0]);
    await expect(cache.deleteMany(['a', 'b'])).rejects.toMatchObject({ failedKeys: ['b'] });
    heals();
    await recovers();
    expect([...(await other.getMany(['a', 'b', 'c']))]).toEqual([['b', 'y'], ['c', 3]]); // biome-ignore format: one line
  });

  it('is deleted where it was not, once it is back', async () => {
    const { cache, other, failsInPart, heals, recovers, core } = crippled('serve');
    await other.setMany(pairs('x', 'y', 'z'));
    failsInPart();
    await cache.deleteMany(['a', 'b']);
    expect([core.journal.size, core.journal.holds('b')]).toEqual([1, true]);
    expect([...(await other.getMany(['a', 'b', 'c']))]).toEqual([['b', 'y'], ['c', 'z']]); // biome-ignore format: one line
    heals();
    await recovers();
    expect([...(await other.getMany(['a', 'b', 'c']))]).toEqual([['c', 'z']]);
  });

  it('can be read by each policy: from memory, as a miss, or not at all', async () => {
    const { cache, other, failsInPart, clock } = crippled('serve');
    await cache.set('b', 'mine', { ttl: '1s', grace: '1h' });
    await other.setMany(pairs('x', 'y', 'z'));
    failsInPart();
    const all = ['a', 'b', 'c'];
    expect([...(await cache.getMany(all))]).toEqual(pairs('x', 'mine', 'z'));
    clock.advance(1_000);
    expect([...(await cache.getMany(all, { outage: 'source' }))]).toEqual([['a', 'x'], ['c', 'z']]); // biome-ignore format: one line
    await expect(cache.getMany(all, { outage: 'throw' })).rejects.toMatchObject({ name: 'ConnectionError' });
    expect([...(await cache.getMany(['a', 'c'], { outage: 'throw' }))]).toEqual([['a', 'x'], ['c', 'z']]); // biome-ignore format: one line
  });
});

describe('a name in the journal', () => {
  it('is to each policy as if L2 were away for it alone', async () => {
    const { cache, fallsIll, l2, other, core } = patient();
    await other.setMany([['k', 'old'], ['j', 'there']]); // biome-ignore format: one line
    await fallsIll('lost');
    await cache.delete('k');
    l2.ails = 'none';
    const ask = (outage: OutagePolicy) => ({ outage, budget: '1s' }) as const;
    expect([await cache.get('k'), await cache.get('k', ask('source')), await cache.get('j')]).toEqual([undefined, undefined, 'there']); // biome-ignore format: one line
    await expect(cache.get('k', ask('throw'))).rejects.toMatchObject({ name: 'ConnectionError', partial: true });
    expect([...(await cache.getMany(['j', 'k']))]).toEqual([['j', 'there']]);
    await expect(cache.getOrSet('k', () => 'made', ask('throw'))).rejects.toMatchObject({ name: 'ConnectionError' });
    expect(await cache.getOrSet('k', () => 'made', ask('source'))).toBe('made');
    await expect(cache.increment('k')).rejects.toMatchObject({ name: 'ConnectionError', unsent: true });
    expect([core.l2?.circuit.state, core.journal.size]).toEqual(['closed', 1]);
    // A set that is acknowledged is the newest word, and settles it.
    await cache.set('k', 'new');
    expect([await cache.get('k'), await other.get('k'), core.journal.size]).toEqual(['new', 'new', 0]);
  });
});

describe('a write that wants to know', () => {
  it('is told when the versions that it needs cannot be had, since it would count nowhere', async () => {
    let isAway = false;
    const { cache, server } = patient({
      around: (store) => ({
        ...store,
        versions: {
          ...(store.versions as NonNullable<typeof store.versions>),
          current: (labels, ...rest) =>
            isAway
              ? Promise.reject(
                  new BackendError('their node is away', { backend: 'shared', operation: 'current', partial: true }),
                )
              : (store.versions as NonNullable<typeof store.versions>).current(labels, ...rest),
        },
      }),
    });
    isAway = true;
    for (const write of [
      () => cache.set('k', 1, { tags: ['t'], outage: 'throw' }),
      () => cache.setMany([['k', 1]], { tags: ['t'], outage: 'throw' }),
    ]) {
      await expect(write()).rejects.toThrow('their node is away');
      expect([server.read('k'), cache.peek('k')]).toEqual([undefined, undefined]);
    }
    await cache.set('k', 1, { tags: ['t'] });
    expect(cache.peek('k')).toBe(1);
  });
});
