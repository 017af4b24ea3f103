import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStore, type MemoryStoreOptions } from '../../src/backends/memory.js';
import { cloneValue } from '../../src/entries/clone-value.js';
import { newEntry } from '../../src/entries/entry.js';
import { compileGlob } from '../../src/entries/glob.js';
import { inspectValue } from '../../src/entries/portable.js';
import { Labels } from '../../src/tiers/labels.js';
import { expectIdentical } from '../entries/expect-identical.js';
import { objectOf, storable } from '../entries/storable.js';

const { root } = new Labels();
const entryOf = <T>(value: T) => ({
  ...newEntry(value, { ttl: 1_000, grace: 0 }, 0),
  epoch: 1,
  servedUntil: 1_000,
  space: root,
  generation: 0,
  known: undefined,
});

function storeWith(options: Partial<MemoryStoreOptions> = {}) {
  const evicted: string[] = [];
  const store = new MemoryStore({ maxEntries: 100, values: 'reference', onEvict: (key) => evicted.push(key), ...options });
  return { store, evicted };
}

describe('MemoryStore', () => {
  it('hands out what was put, whatever the time, and forgets what was deleted', () => {
    const { store } = storeWith();
    const entry = entryOf({ a: 1 });
    store.put('k', entry);
    expect(store.get('k')).toBe(entry);
    expect(store.get('other')).toBeUndefined();
    expect(store.size).toBe(1);
    expect(store.delete('k')).toBe(true);
    expect(store.delete('k')).toBe(false);
    expect(store.get('k')).toBeUndefined();
    expect(store.size).toBe(0);
  });

  it('takes keys that objects treat specially', () => {
    const { store } = storeWith();
    for (const key of ['__proto__', 'constructor', 'hasOwnProperty']) {
      expect(store.get(key)).toBeUndefined();
      store.put(key, entryOf(key));
      expect(store.get(key)?.value).toBe(key);
    }
    expect([...store.keys()].sort()).toEqual(['__proto__', 'constructor', 'hasOwnProperty']);
  });

  it('drops what was used longest ago, and says so', () => {
    const { store, evicted } = storeWith({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) store.put(key, entryOf(key));
    store.get('a');
    store.put('d', entryOf('d'));
    expect(evicted).toEqual(['b']);
    store.put('c', entryOf('c2'));
    store.put('e', entryOf('e'));
    expect(evicted).toEqual(['b', 'a']);
    expect([...store.keys()].sort()).toEqual(['c', 'd', 'e']);
  });

  it('says nothing of what was replaced, deleted or cleared', () => {
    const { store, evicted } = storeWith();
    store.put('a', entryOf(1));
    store.put('a', entryOf(2));
    store.delete('a');
    store.put('b', entryOf(1));
    store.deleteMatching('b');
    store.put('c', entryOf(1));
    store.clear();
    expect(evicted).toEqual([]);
    expect(store.size).toBe(0);
  });

  it('deletes by prefix and glob, and counts', () => {
    const { store } = storeWith();
    for (const key of ['users:1', 'users:2', 'users:', 'orders:1', 'users', 'a*', 'ab']) store.put(key, entryOf(key));
    expect(store.deleteMatching('users:', compileGlob('?'))).toBe(2);
    expect(store.deleteMatching('users:')).toBe(1);
    expect(store.deleteMatching('', compileGlob('a\\*'))).toBe(1);
    expect(store.deleteMatching('none')).toBe(0);
    expect([...store.keys()].sort()).toEqual(['ab', 'orders:1', 'users']);
    store.put('expired', entryOf('old'));
    expect(store.deleteMatching('', undefined, ({ value }) => value !== 'old')).toBe(3);
    expect(store.size).toBe(0);
  });
});

describe('maxBytes', () => {
  it('bounds the estimated bytes of keys, values and what an entry costs beside', () => {
    const { store, evicted } = storeWith({ maxBytes: 100_000 });
    for (let i = 0; i < 50; i += 1) {
      store.put(`key-${i}`, entryOf('x'.repeat(10_000)));
      expect(store.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(store.size).toBe(9);
    expect(store.bytes).toBeGreaterThan(90_000);
    expect(evicted).toHaveLength(41);
    store.clear();
    expect(store.bytes).toBe(0);
  });

  it('does not keep what is larger than all of it, nor what was there before', () => {
    const { store, evicted } = storeWith({ maxBytes: 5_000 });
    store.put('small', entryOf(1));
    store.put('k', entryOf('old'));
    store.put('k', entryOf('x'.repeat(6_000)));
    expect(store.get('k')).toBeUndefined();
    expect(store.get('small')?.value).toBe(1);
    expect(evicted).toEqual([]);
  });

  it('counts even an entry that holds nothing', () => {
    const { store } = storeWith({ maxEntries: 1_000_000, maxBytes: 20_000 });
    for (let i = 0; i < 1_000; i += 1) store.put(`${i}`, entryOf(null));
    expect(store.size).toBeLessThan(100);
  });

  it('measures any value the cache takes in whole bytes', () => {
    const { store } = storeWith({ maxBytes: 1_000_000_000 });
    fc.assert(
      fc.property(storable, (value) => {
        expect(Number.isSafeInteger(inspectValue(value).bytes)).toBe(true);
        store.put('k', entryOf(value));
        expect(store.get('k')?.value).toBe(value);
      }),
    );
    store.put('k', entryOf(2n ** 1_001n));
    expect(store.size).toBe(1);
  });

  it('is not counted unless asked for', () => {
    const { store } = storeWith();
    store.put('k', entryOf('x'.repeat(10_000)));
    expect(store.bytes).toBe(0);
  });
});

describe('values', () => {
  it("'reference' hands out the object that was put", () => {
    const { store } = storeWith({ values: 'reference' });
    const value = { list: [1] };
    store.put('k', entryOf(value));
    expect(store.get('k')?.value).toBe(value);
    expect(Object.isFrozen(value)).toBe(false);
  });

  it("'frozen' lets nobody change a member, however deep", () => {
    const { store } = storeWith({ values: 'frozen' });
    const half = Object.freeze({ inner: { n: 1 } });
    store.put(
      'k',
      entryOf({ list: [{ a: 1 }], half, map: new Map([['m', { b: 1 }]]), set: new Set([{ c: 1 }]), bytes: Buffer.from('x') }),
    );
    const { value } = store.get('k') as {
      value: { list: { a: number }[]; half: typeof half; map: Map<string, { b: number }> };
    };
    expect(() => value.list.push({ a: 2 })).toThrow(TypeError);
    expect(() => Object.assign(value.list[0] as object, { a: 2 })).toThrow(TypeError);
    expect(() => Object.assign(value.half.inner, { n: 2 })).toThrow(TypeError);
    expect(() => Object.assign(value.map.get('m') as object, { b: 2 })).toThrow(TypeError);
    expect(() => Object.assign(value, { x: 1 })).toThrow(TypeError);
  });

  it("'cloned' keeps what was put, whatever happens to it before or after", () => {
    const { store } = storeWith({ values: 'cloned' });
    const value = { list: [{ a: 1 }], at: new Date(5), map: new Map([['m', { b: 1 }]]), bytes: Buffer.from('abc') };
    const before = cloneValue(value);
    store.put('k', entryOf(value));
    const spoil = (one: typeof value) => {
      one.list.push({ a: 9 });
      one.at.setTime(9);
      (one.map.get('m') as { b: number }).b = 9;
      one.bytes.fill(0);
    };
    spoil(value);
    const read = store.get('k')?.value as typeof value;
    expectIdentical(read, before);
    spoil(read);
    expectIdentical(store.get('k')?.value, before);
  });

  it("'cloned' gives back every value the cache takes, sharing no object with it", () => {
    fc.assert(
      fc.property(storable, (value) => {
        const copy = cloneValue(value);
        expectIdentical(copy, value);
        const originals = objectsIn(value);
        for (const object of objectsIn(copy)) expect(originals.has(object)).toBe(false);
      }),
      { numRuns: 500 },
    );
    const tricky = objectOf([['__proto__', { a: [1] }]]);
    expectIdentical(cloneValue(tricky), tricky);
  });
});

function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null) return found;
  found.add(value);
  if (ArrayBuffer.isView(value)) return found;
  const members = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
  for (const member of members) objectsIn(member, found);
  return found;
}
