import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/backends/memory.js';
import { deferred, pass, settled, simulatedProcess, world } from '../support/simulated-process.js';

const hardTimeout = 1_000;
const made = () => ({ list: [1], at: new Date(0) });

function started(values: 'reference' | 'frozen' | 'cloned', withL2 = true) {
  const { clock, process } = world();
  const options = { local: new MemoryStore({ maxEntries: 10, values }), defaults: { hardTimeout } };
  const { cache } = withL2 ? process('p', options) : simulatedProcess(clock, undefined, options);
  return { clock, cache };
}

describe.each([true, false])('callers who share one load (L2: %s)', (withL2) => {
  it("'cloned': each gets a copy of its own", async () => {
    const { cache } = started('cloned', withL2);
    const { signal } = new AbortController();
    const [first, second, third] = await Promise.all([
      cache.getOrSet('k', made),
      cache.getOrSet('k', made, { signal }),
      cache.getOrSet('k', made, { hardTimeout: 10 * hardTimeout }),
    ]);
    first.list.push(2);
    first.at.setTime(1);
    second.list.push(3);
    expect([second.list, third, cache.peek('k')]).toEqual([[1, 3], made(), made()]);
  });

  it("'frozen': none can change it, even if it is stored nowhere", async () => {
    const { cache } = started('frozen', withL2);
    const [first] = await Promise.all([cache.getOrSet('k', ({ skip }) => skip(made())), cache.getOrSet('k', made)]);
    expect(() => first.list.push(2)).toThrow(TypeError);
  });

  it("'reference': all get the same object", async () => {
    const { cache } = started('reference', withL2);
    const [first, second] = await Promise.all([cache.getOrSet('k', made), cache.getOrSet('k', made)]);
    expect(second).toBe(first);
  });

  it.each(['cloned', 'frozen'] as const)("'%s': what no tier could hold is left alone", async (values) => {
    const { cache } = started(values, withL2);
    class Cursor {
      self = this;
      position = 0;
    }
    const cursor = new Cursor();
    expect(await cache.getOrSet('k', ({ skip }) => skip(cursor))).toBe(cursor);
    expect(Object.isFrozen(cursor)).toBe(false);
    expect(await cache.getOrSet('none', () => undefined)).toBeUndefined();
  });
});

describe('callers who share a stale value', () => {
  it.each([
    ['at the time-out', () => new Promise<never>(() => undefined)],
    ['for a factory that failed', () => Promise.reject(new Error('no'))],
  ])('%s', async (_, factory) => {
    const { cache, clock } = started('cloned');
    await cache.set('k', made(), { ttl: '1s', grace: '1h' });
    await pass(clock, 1_000);
    const answers = Promise.all([cache.getOrSet('k', factory), cache.getOrSet('k', factory)]);
    await pass(clock, hardTimeout);
    const late = cache.getOrSet('k', factory);
    const all = [...(await answers), await late] as ReturnType<typeof made>[];
    for (const one of all) one.list.push(2);
    expect(all.map(({ list }) => list)).toEqual(Array(3).fill([1, 2]));
  });
});

it('a caller who leaves leaves no unhandled rejection behind when the shared load fails', async () => {
  const { cache } = started('cloned');
  const factory = deferred<object>();
  const abort = new AbortController();
  const leaving = cache.getOrSet('k', () => factory.promise, { signal: abort.signal });
  await settled();
  abort.abort();
  await expect(leaving).rejects.toMatchObject({ name: 'AbortError' });
  factory.reject(new Error('nobody hears this'));
  await settled();
});
