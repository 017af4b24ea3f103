import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectionError } from '../../src/errors.js';
import { deferred, pass, settled, simulatedProcess, type WorldProcess, world } from '../support/simulated-process.js';

const unhandled = vi.fn();
beforeEach(() => {
  unhandled.mockClear();
  process.on('unhandledRejection', unhandled);
});
afterEach(() => {
  process.off('unhandledRejection', unhandled);
});

function withVersions({ l2 }: WorldProcess, current: typeof l2.versions.current): void {
  Object.assign(l2.versions, { current });
}

describe('versions that cannot be had', () => {
  it('make nobody the first: neither by setIfAbsent nor by increment', async () => {
    const { process } = world();
    const [here, there] = [process('here'), process('there')];
    const { current } = here.l2.versions;
    withVersions(here, () => Promise.reject(new ConnectionError('away', { backend: 'shared', operation: 'versions' })));
    await expect(here.cache.setIfAbsent('lock', 'here')).rejects.toThrow(ConnectionError);
    await expect(here.cache.increment('count', 1)).rejects.toThrow(ConnectionError);
    expect(await there.cache.setIfAbsent('lock', 'there')).toBe(true);
    expect(await there.cache.increment('count', 1)).toBe(1);
    withVersions(here, current);
    expect(await here.cache.setIfAbsent('lock', 'here')).toBe(false);
    expect(await here.cache.increment('count', 1)).toBe(2);
  });

  it('are asked for once more where somebody is to be the first, and then taken', async () => {
    const { process } = world();
    const [here, there] = [process('here'), process('there')];
    const asked = here.gates.hold('current');
    const first = here.cache.setIfAbsent('lock', 'here');
    await asked.arrived;
    asked.fail(new ConnectionError('cut', { backend: 'shared', operation: 'versions' }));
    expect(await first).toBe(true);
    expect(await there.cache.setIfAbsent('lock', 'there')).toBe(false);
  });

  it('fail a call on many keys as one, and nothing is left unhandled', async () => {
    const { process } = world();
    const [here, there] = [process('here'), process('there')];
    const tags = ['t'];
    // biome-ignore format: one line
    await there.cache.setMany([['a', 1, { tags }], ['b', 2, { tags }]]);
    const { current } = here.l2.versions;
    withVersions(here, () => Promise.reject(new TypeError('odd')));
    await expect(here.cache.setMany([['a', 3], ['b', 4]])).rejects.toThrow('odd'); // biome-ignore format: one line
    withVersions(here, (labels, ...rest) =>
      labels.includes('tt') ? Promise.reject(new TypeError('odd')) : current(labels, ...rest),
    );
    await expect(here.cache.getMany(['a', 'b'])).rejects.toThrow('odd');
    await settled();
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('versions that are asked for together', () => {
  it('keep nobody waiting for the sake of somebody with more time', async () => {
    const { clock, process } = world();
    const { cache, gates } = process('p');
    const settledCalls: string[] = [];
    const held = [gates.hold('current'), gates.hold('current')];
    const long = cache.get('a', { budget: '10s' }).then(() => settledCalls.push('long'));
    const short = cache.get('b', { budget: '50ms' }).then(() => settledCalls.push('short'));
    await pass(clock, 100);
    expect(settledCalls).toEqual(['short']);
    for (const each of held) each.release();
    await Promise.all([long, short]);
  });

  it('are not kept for ever because one entry is', async () => {
    const { process } = world();
    const here = process('here');
    const { current } = here.l2.versions;
    const keptFor = new Map<string, number>();
    withVersions(here, (labels, lasting, deadline) => {
      for (const label of labels) keptFor.set(label, lasting);
      return current(labels, lasting, deadline);
    });
    const { cache } = here;
    await Promise.all([
      cache.set('a', 1, { ttl: Number.POSITIVE_INFINITY, tags: ['settings'] }),
      cache.set('b', 1, { ttl: '1m', tags: ['request:1'] }),
    ]);
    expect(keptFor.get('tsettings')).toBe(Number.POSITIVE_INFINITY);
    expect(keptFor.get('trequest:1')).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('do not bring back a tag that had to be forgotten for them, whose changes nobody would hear', async () => {
    const { process } = world();
    const [here, there] = [process('here', { bus: 'on' }), process('there', { bus: 'on' })];
    await settled();
    await here.cache.set('k', 'old', { tags: ['T'] });
    here.core.labels.changeTag('T'); // as if heard, so that it is asked for again…
    const again = here.cache.set('again', 1, { tags: ['T'] });
    for (let tag = 0; tag < 50_000; tag += 1) here.core.labels.tag(`other:${tag}`); // …in one turn with as many as are kept
    await again;
    await there.cache.invalidateTags(['T']);
    await settled();
    expect(here.cache.peek('k')).toBeUndefined();
  });
});

it('nobody joins a load that may read what was cleared in a namespace within its own', async () => {
  const { process } = world();
  const [here, there] = [process('here', { bus: 'on' }), process('there', { bus: 'on' })];
  await settled();
  await there.cache.namespace('users').set('42', 'old');
  await here.cache.get('any');
  const judging = here.gates.hold('current', 'reply');
  const before = here.cache.getOrSet('users:42', () => 'new');
  await judging.arrived;
  await here.cache.namespace('users').clear();
  const after = here.cache.getOrSet('users:42', () => 'new');
  await settled();
  judging.release();
  expect(await after).toBe('new');
  expect(await before).toBe('old'); // it began before
});

describe('a lease', () => {
  it('is given back when what was made cannot be stored for a reason of its own', async () => {
    const { server, process } = world();
    const { cache, l2 } = process('p');
    Object.assign(l2.leases, { fill: () => Promise.reject(new TypeError('cannot be encoded')) });
    await expect(cache.getOrSet('k', () => 1)).rejects.toThrow('cannot be encoded');
    await settled();
    expect(server.leasedKeys()).toEqual([]);
  });

  it('is given back, and not renewed for ever, when the load fails before its factory runs', async () => {
    const { server, process } = world();
    const { cache, core, l2, gates } = process('p');
    const factory = vi.fn(() => 1);
    const granted = gates.hold('load', 'reply');
    const loaded = cache.getOrSet('k', factory);
    await granted.arrived;
    core.labels.clear(''); // as if heard, so that its version is asked for
    Object.assign(l2.versions, { current: () => Promise.reject(new TypeError('odd')) });
    granted.release();
    await expect(loaded).rejects.toThrow('odd');
    await settled();
    expect(factory).not.toHaveBeenCalled();
    expect(server.leasedKeys()).toEqual([]);
  });
});

describe('what a factory names', () => {
  /** The version of all tags together is asked for when a factory has named one, and is made then. */
  async function knowOfAllTags({ cache }: WorldProcess): Promise<void> {
    for (const tag of ['first', 'second', 'third']) {
      await cache.getOrSet(tag, ({ setOptions }) => {
        setOptions({ tags: [tag] });
        return 1;
      });
      await settled();
    }
  }

  it('is carried as it was known before, not as it was learnt while another tag was asked for', async () => {
    const { process } = world();
    const [here, there] = [process('here', { bus: 'on' }), process('there', { bus: 'on' })];
    await settled();
    await here.cache.set('other', 1, { tags: ['known'] });
    await knowOfAllTags(here);
    let source = 'old';
    const [tag, all] = [here.gates.hold('current'), here.gates.hold('current', 'reply')];
    const loaded = here.cache.getOrSet('k', ({ setOptions }) => {
      setOptions({ tags: ['known', 'unknown'] });
      return source;
    });
    await tag.arrived;
    const skipped = here.gates.hold('current', 'reply');
    tag.release();
    await all.arrived;
    all.release();
    await skipped.arrived;
    source = 'new';
    await there.cache.invalidateTags(['known']);
    await settled();
    await here.cache.set('other', 2, { tags: ['known'] });
    skipped.release();
    expect(await loaded).toBe('old');
    expect(await there.cache.get('k')).toBeUndefined();
    expect(await here.cache.get('k')).toBeUndefined();
  });

  it.each(['shared', 'alone'])('is stale if it was softly invalidated meanwhile: %s', async (where) => {
    const clock = world();
    const { cache } = where === 'alone' ? simulatedProcess(clock.clock, undefined) : clock.process('here', { bus: 'on' });
    await settled();
    await cache.set('other', 1, { tags: ['known'] });
    const made = deferred<string>();
    const loaded = cache.getOrSet('k', async ({ setOptions }) => {
      setOptions({ tags: ['known'], grace: '1h' });
      return made.promise;
    });
    await settled();
    await cache.invalidateTags(['known'], { soft: true });
    made.resolve('old');
    expect(await loaded).toBe('old');
    expect(await cache.get('k')).toBeUndefined();
  });

  it('is stored although its version is read again and again while the factory runs', async () => {
    const { process } = world();
    const [here, there] = [process('here'), process('there')]; // no bus: nothing known may judge
    await there.cache.set('other', 1, { tags: ['known'] });
    await here.cache.getEntry('other');
    const made = deferred<string>();
    const loaded = here.cache.getOrSet('k', async ({ setOptions }) => {
      setOptions({ tags: ['known'] });
      return made.promise;
    });
    await settled();
    await there.cache.invalidateTags(['unrelated']);
    here.core.local.clear();
    await here.cache.get('other');
    made.resolve('value');
    await loaded;
    expect(await there.cache.get('k')).toBe('value');
  });
});

it('clearing reaches the namespaces within, those too that were forgotten and met again, and no others', async () => {
  const { process } = world();
  const { cache, core } = process('p', { bus: 'on' });
  await settled();
  const inner = () => cache.namespace('a').namespace('b');
  for (let space = 0; space < 10_000; space += 1) core.labels.space(`other:${space}:`);
  await inner().set('k', 1);
  await cache.namespace('ab').set('k', 2);
  await cache.namespace('a').clear();
  expect([inner().peek('k'), await inner().get('k'), cache.namespace('ab').peek('k')]).toEqual([undefined, undefined, 2]);
  await inner().set('k', 3);
  for (let space = 0; space < 20_000; space += 1) core.labels.space(`another:${space}:`);
  expect(await inner().get('k')).toBe(3);
  await cache.namespace('a').clear();
  expect([inner().peek('k'), await inner().get('k')]).toEqual([undefined, undefined]);
});
