import vm from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainJsonBytes } from '../../src/entries/plain-json.js';
import { inspectValue } from '../../src/entries/portable.js';
import { InvalidValueError } from '../../src/errors.js';
import { expectIdentical } from './expect-identical.js';
import { jsonExact, objectOf, storable } from './storable.js';

function refusalOf(value: unknown): string {
  try {
    inspectValue(value);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidValueError);
    return (error as Error).message;
  }
  return 'not refused';
}

const sparse: unknown[] = [1];
sparse[2] = 3;

class User {
  name = 'Ada';
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = i % 2 === 0 ? [value] : { inner: value };
  return value;
}

/** Forty objects, of which each lies twice in the next. */
function doubled(innermost: object): object {
  let value = innermost;
  for (let i = 0; i < 40; i += 1) value = { a: value, b: value };
  return value;
}

describe('inspectValue', () => {
  it.each([
    ['plain', doubled({})],
    ['with a Date', doubled({ at: new Date(0) })],
    ['in a Map', new Map([['k', doubled({})]])],
  ])('refuses a value of too many parts instead of walking it for ever: %s', (_, value) => {
    expect(refusalOf(value)).toMatch(/^value has more than 5000000 parts; an object that lies in several/);
  });

  it('lets an object lie in several places', () => {
    const shared = { n: 1 };
    expect(inspectValue({ a: shared, b: [shared, shared] }).json).toBe(true);
  });

  it('says json only of what JSON gives back exactly', () => {
    fc.assert(
      fc.property(storable, (value) => {
        if (inspectValue(value).json) expectIdentical(JSON.parse(JSON.stringify(value)), value);
      }),
      { numRuns: 1000 },
    );
  });

  it('says json of everything that JSON gives back exactly', () => {
    fc.assert(
      fc.property(jsonExact, (value) => {
        expect(inspectValue(value).json).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a Date', { at: new Date(0) }],
    ['an invalid Date', { at: new Date(Number.NaN) }],
    ['a Map', new Map([['a', 1]])],
    ['a Set', { in: [new Set([1])] }],
    ['a BigInt', 12n],
    ['a Buffer', Buffer.from('x')],
    ['a typed array', { vector: new Float32Array(2) }],
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['undefined in an object', { a: undefined }],
    ['undefined in an array', [undefined]],
    ['NaN', Number.NaN],
    ['Infinity', [Number.POSITIVE_INFINITY]],
    ['-0', { zero: -0 }],
  ])('leaves %s to the structured codec', (_name, value) => {
    expect(inspectValue(value).json).toBe(false);
  });

  it.each([
    ['undefined', undefined, "value is undefined, which is how a cache says 'nothing there'. Store null"],
    ['a function', { user: { onClick: () => 1 } }, 'value.user.onClick is a function. A cache keeps data only'],
    ['a symbol', [Symbol('s')], 'value[0] is a symbol.'],
    ['a symbol key', { a: { [Symbol('s')]: 1 } }, 'value.a has the key Symbol(s).'],
    [
      'a class instance',
      { list: [1, new User()] },
      'value.list[1] is an instance of User, which would come back without its class.',
    ],
    ['a nameless class', new (class {})(), 'value is an instance of an unnamed class'],
    [
      'a Promise',
      { p: Promise.resolve(1) },
      'value.p is an instance of Promise, which would come back without its class. Await it first.',
    ],
    [
      'an Error',
      new TypeError('x'),
      'value is an instance of TypeError, which would come back without its class. Store { name, message }.',
    ],
    ['a RegExp', /x/, 'Store its source and flags.'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'Store a Uint8Array.'],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), 'is an instance of SharedArrayBuffer'],
    ['a subclass of Array', new (class List extends Array {})(), 'is an instance of List'],
    ['a subclass of Map', new (class Table extends Map {})(), 'is an instance of Table'],
    ['a subclass of Date', { at: new (class Moment extends Date {})() }, 'value.at is an instance of Moment'],
    ['a subclass of Uint8Array', new (class Bytes extends Uint8Array {})(2), 'is an instance of Bytes'],
    ['a boxed number', { n: Object(1) }, 'value.n is an instance of Number'],
    ['a WeakMap', new WeakMap(), 'Store a Map.'],
    ['a sparse array', { a: sparse }, 'value.a[1] is missing: a sparse array cannot be stored.'],
    ['a match', 'ab'.match(/b/), "value is an array with a property 'index' that would be lost."],
    ['an array with a symbol', Object.assign([1], { [Symbol('s')]: 1, date: new Date() }), "'date' that would be lost"],
    ['a Map with a property', Object.assign(new Map(), { extra: 1 }), "value has a property 'extra' that would be lost."],
    ['toJSON', { price: { toJSON: () => 1 } }, 'value.price has a toJSON method'],
    ['a function in a Map', new Map([['k', () => 1]]), 'value.values()[0] is a function'],
    ['a function as key of a Map', { m: new Map([[() => 1, 1]]) }, 'value.m.keys()[0] is a function'],
    ['a function in a Set', new Set([1, () => 1]), 'value.values()[1] is a function'],
    ['an odd property name', { 'full name': { 'x"y': () => 1 } }, 'value["full name"]["x\\"y"] is a function'],
    ['a level too many', nested(501), 'lies more than 500 levels deep.'],
  ])('refuses %s and says where and why', (_name, value, message) => {
    expect(refusalOf(value)).toContain(message);
  });

  it('refuses an ArrayBuffer that can be resized', () => {
    const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]);
    expect(refusalOf(resizable)).toContain('one that can be resized would come back fixed');
  });

  it('finds a cycle through objects, arrays, Maps and Sets, and says where it leads', () => {
    const inObject: Record<string, unknown> = { name: 'Ada' };
    inObject.friends = [{ back: inObject }];
    expect(refusalOf(inObject)).toBe(
      'value.friends[0].back refers back to value. A cycle cannot be stored: keep an id there instead.',
    );
    const map = new Map<string, unknown>();
    map.set('self', new Set([map]));
    expect(refusalOf({ map })).toContain('value.map.values()[0].values()[0] refers back to value.map.');
    const keyed = new Map<unknown, unknown>();
    keyed.set(keyed, 1);
    expect(refusalOf(keyed)).toContain('value.keys()[0] refers back to value.');
  });

  it('finds a cycle next to much data quickly: no level walks the data again', () => {
    let reads = 0;
    const counted = Object.defineProperty({}, 'n', {
      enumerable: true,
      get: () => {
        reads += 1;
        return reads;
      },
    });
    const cyclic: Record<string, unknown> = { counted };
    cyclic.self = cyclic;
    expect(refusalOf(cyclic)).toContain('refers back to');
    expect(reads).toBeLessThan(50);
  });

  it('takes the same object in two places', () => {
    const shared = { a: [1] };
    expect(inspectValue({ left: shared, right: shared, dates: [new Date(0), shared] }).json).toBe(false);
    expect(inspectValue([shared, shared]).json).toBe(true);
  });

  it('takes 500 levels, and has JSON take them too', () => {
    expect(inspectValue(nested(500)).json).toBe(true);
    expect(JSON.parse(JSON.stringify(nested(500)))).toStrictEqual(nested(500));
  });

  it('takes objects without prototype, objects of another realm, and keys that objects treat specially', () => {
    expect(inspectValue(Object.assign(Object.create(null), { a: 1 })).json).toBe(true);
    const foreign = vm.runInNewContext('({ list: [1, { deep: true }] })');
    expect(inspectValue(foreign).json).toBe(true);
    expect(inspectValue(vm.runInNewContext('({ at: new Date(0), map: new Map(), set: new Set([1]) })')).json).toBe(false);
    expect(inspectValue(objectOf([['__proto__', { a: 1 }], ['constructor', 1], ['toJSON', 'text']])).json).toBe(true); // biome-ignore format: one value
  });

  it('is quick about plain values and agrees with the careful walk on them', () => {
    fc.assert(
      fc.property(jsonExact, (value) => {
        // A Date beside the value sends everything through the careful walk.
        const both = inspectValue({ value, at: new Date(0) }).bytes - inspectValue({ value: null, at: new Date(0) }).bytes;
        const quick = plainJsonBytes(value);
        if (quick >= 0) expect(quick).toBe(both);
      }),
    );
    expect(plainJsonBytes({ id: 1, tags: ['a', { b: null }] })).toBeGreaterThan(0);
  });
});

describe('the estimate of bytes', () => {
  // The bounds are what V8 was measured to use on 64 bits, give or take.
  it.each([
    ['a row', { id: 1, name: 'user number 1', ratio: 0.5, active: true, tags: ['a', 'b'] }, 130, 260],
    ['Latin-1 text', 'é'.repeat(10_000), 10_000, 11_000],
    ['wide text', '語'.repeat(10_000), 20_000, 21_000],
    ['a vector of fractions', Array.from({ length: 1_000 }, (_, i) => i / 3), 8_000, 9_000],
    ['a table', Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`key-${i}`, i])), 8_000, 20_000],
    ['binary', Buffer.alloc(10_000), 10_000, 10_500],
    ['a Date', new Date(0), 60, 130],
    ['a Map', new Map(Array.from({ length: 100 }, (_, i) => [i, { i }])), 5_000, 9_000],
    ['a large BigInt', 2n ** 80_000n, 10_000, 11_000],
    ['null', null, 0, 8],
  ])('of %s is near what it takes', (_name, value, least, most) => {
    const { bytes } = inspectValue(value);
    expect(bytes).toBeGreaterThanOrEqual(least);
    expect(bytes).toBeLessThanOrEqual(most);
  });
});
