import assert from 'node:assert/strict';
import { InvalidValueError } from '../../errors.js';
import { type ConformanceCase, conforms } from './conformance-case.js';

/** Values that come back exactly, made anew for each use. */
const kept: readonly (readonly [what: string, make: () => unknown])[] = [
  ['null', () => null],
  ['0', () => 0],
  ['false', () => false],
  ["''", () => ''],
  ['true', () => true],
  ['an empty object', () => ({})],
  ['an empty array', () => []],
  ['a large integer', () => Number.MAX_SAFE_INTEGER],
  ['a fraction', () => [0.1 + 0.2, 1e-300, 1.7976931348623157e308]],
  ['text of every script, with NUL and line ends', () => 'añ語😀\0\n\r\u2028"\\'],
  ['NaN and the infinities', () => [Number.NaN, Number.POSITIVE_INFINITY, { x: Number.NEGATIVE_INFINITY }]],
  ['-0', () => ({ zero: -0, plus: 0 })],
  ['undefined in an object', () => ({ a: undefined, b: 1 })],
  ['undefined in an array', () => [undefined, 1, undefined]],
  ['a Date', () => ({ at: new Date(1_764_000_000_123), early: new Date(-1) })],
  ['a Map', () => new Map<unknown, unknown>([['a', 1], [2, { b: new Map() }], [null, undefined]])], // biome-ignore format: pairs
  ['a Set', () => new Set([1, 'a', null])],
  ['a BigInt', () => [0n, -1n, 2n ** 63n, -(2n ** 200n)]],
  ['a Buffer', () => ({ bytes: Buffer.from([0, 1, 127, 128, 255, 10, 13]) })],
  ['a typed array', () => [new Uint8Array([1, 255]), new Float64Array([0.1, Number.NaN]), new BigInt64Array([-1n])]],
  ['an ArrayBuffer', () => new Uint8Array([9, 8, 7]).buffer],
  ['own keys that objects treat specially', () => JSON.parse('{"__proto__":{"a":1},"constructor":2,"hasOwnProperty":3}')],
  ['keys in their order', () => ({ z: 1, a: { y: 2, b: 3 }, m: 4 })],
  ['twenty levels', () => Array.from({ length: 20 }).reduce<unknown>((inner) => ({ inner: [inner] }), 'core')],
];

/** Values that no cache takes. */
const refused: readonly (readonly [what: string, make: () => unknown])[] = [
  ['undefined', () => undefined],
  ['a function', () => () => 1],
  ['a function inside', () => ({ user: { onClick: () => 1 } })],
  ['a symbol', () => [Symbol('s')]],
  ['a symbol as key', () => ({ [Symbol('s')]: 1 })],
  ['an instance of a class', () => ({ list: [new (class User {})()] })],
  ['a Promise', () => Promise.resolve(1)],
  ['an Error', () => new Error('x')],
  ['a cycle', () => cyclic({})],
  ['a cycle through a Map', () => cyclicMap(new Map())],
  ['a sparse array', () => new Array(3)],
  ['an object with toJSON', () => ({ toJSON: () => 1 })],
];

export const valueCases: readonly ConformanceCase[] = [
  ...kept.map(([what, make]) =>
    conforms(`a value comes back as it was: ${what}`, async ({ cache }) => {
      await cache.set('k', make());
      const value = await cache.get('k');
      assert.deepStrictEqual(value, make());
      assert.equal(JSON.stringify(shape(value)), JSON.stringify(shape(make())), 'keys are in the same order');
      assert.deepStrictEqual((await cache.getEntry('k'))?.value, make());
      assert.equal(await cache.has('k'), true);
    }),
  ),
  ...refused.map(([what, make]) =>
    conforms(`a value is refused and the old one stays: ${what}`, async ({ cache }) => {
      await cache.set('k', 'old');
      await assert.rejects(cache.set('k', make()), InvalidValueError);
      await assert.rejects(cache.setIfAbsent('new', make()), InvalidValueError);
      await assert.rejects(cache.setMany([['k', 'good'], ['new', make()]]), InvalidValueError); // biome-ignore format: pairs
      assert.equal(await cache.get('k'), 'old');
      assert.equal(await cache.get('new'), undefined);
    }),
  ),
  conforms('the message for a value that is refused names the place in it', async ({ cache }) => {
    await assert.rejects(cache.set('k', { user: { onClick: () => 1 } }), /value\.user\.onClick is a function/);
  }),
];

function cyclic(object: Record<string, unknown>): unknown {
  object.self = [object];
  return object;
}

function cyclicMap(map: Map<string, unknown>): unknown {
  return map.set('self', new Set([map]));
}

/** The names of all keys in their order, which deep equality leaves out of account. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return typeof value;
  return Object.entries(value).map(([key, member]) => [key, shape(member)]);
}
