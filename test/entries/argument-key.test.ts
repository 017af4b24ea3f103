import { inspect, isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argumentKey } from '../../src/entries/argument-key.js';
import { InvalidKeyError } from '../../src/errors.js';
import { anyText, objectOf, storable } from './storable.js';

const keyOf = (...args: unknown[]) => argumentKey('f', args);

describe('a key of arguments', () => {
  it('is 43 characters of base64url', () => {
    fc.assert(
      fc.property(fc.array(storable, { maxLength: 3 }), (args) => {
        expect(keyOf(...args)).toMatch(/^[\w-]{43}$/);
      }),
    );
  });

  /** Few values, so that two of them are equal often, and different in every small way otherwise. */
  const fewValues: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 3 },
      fc.constantFrom(undefined, null, true, false, 0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY, 0n, 1n, -1n),
      fc.constantFrom('', '0', '1', 'a', 'null', 'undefined', '[]', 'a,a', '"', '\ud800', '\udfff', '\ufffd', '1n', 'Date(0)'),
      fc.constantFrom(0, 1).map((ms) => new Date(ms)),
      fc.constantFrom([], [0], [1]).map((bytes) => Uint8Array.from(bytes)),
      fc.constantFrom([], [0], [1]).map((bytes) => Int8Array.from(bytes)),
      fc.constantFrom([], [0], [1]).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom([], [0], [1]).map((bytes) => Uint8Array.from(bytes).buffer),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', '0', '__proto__', '\ud800'), tie('value')), { maxLength: 2 }).map(objectOf),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }).map((pairs) => new Map(pairs)),
      fc.array(tie('value'), { maxLength: 2 }).map((members) => new Set(members)),
    ),
  })).value;

  it('is the same for values that are deeply equal, and for no others', () => {
    let equal = 0;
    fc.assert(
      fc.property(fewValues, fewValues, (one, other) => {
        const same = isDeepStrictEqual(one, other);
        if (same) equal += 1;
        expect(keyOf([one]) === keyOf([other])).toBe(same);
      }),
      { numRuns: 5_000 },
    );
    expect(equal).toBeGreaterThan(50);
  });

  it('tells any two values apart, and finds an equal one however it was put together', () => {
    fc.assert(
      fc.property(storable, storable, (one, other) => {
        expect(keyOf(shuffled(one))).toBe(keyOf(one));
        // Of two of them Node 20 says that they are not equal.
        fc.pre(!inspect(one, { depth: null, maxArrayLength: null }).includes('Invalid Date'));
        expect(keyOf([one]) === keyOf([other])).toBe(isDeepStrictEqual(one, other));
      }),
      { numRuns: 500 },
    );
  });

  it('tells arguments from each other as it tells values', () => {
    const lists = fc.array(fewValues, { maxLength: 3 }).filter((args) => args.at(-1) !== undefined);
    fc.assert(
      fc.property(lists, lists, (one, other) => {
        expect(keyOf(...one) === keyOf(...other)).toBe(isDeepStrictEqual(one, other));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes what is left out at the end for undefined, and only there', () => {
    expect(keyOf(1, undefined, undefined)).toBe(keyOf(1));
    expect(keyOf(undefined)).toBe(keyOf());
    expect(keyOf(undefined, 1)).not.toBe(keyOf(1));
    expect(keyOf({ a: undefined })).not.toBe(keyOf({}));
    expect(keyOf(null)).not.toBe(keyOf());
  });

  it('knows no two texts as one', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        expect(keyOf(a) === keyOf(b)).toBe(a === b);
      }),
    );
  });

  it.each<[string, unknown[]]>([
    ['invalid dates', [new Date(Number.NaN), new Date('no date')]],
    ['an object without prototype and a plain one', [Object.assign(Object.create(null), { a: 1 }), { a: 1 }]],
    [
      'the order of properties',
      [
        { a: 1, b: { c: 2, d: 3 } },
        { b: { d: 3, c: 2 }, a: 1 },
      ],
    ],
    ['the order of members', [new Set([1, 2]), new Set([2, 1])]],
    [
      'the order of entries',
      [
        new Map([
          [1, 2],
          [3, 4],
        ]),
        new Map([
          [3, 4],
          [1, 2],
        ]),
      ],
    ],
    ['a view of a part of a buffer', [Uint8Array.of(1, 2, 3).subarray(1), Uint8Array.of(2, 3)]],
  ])('is the same for %s', (_, [one, other]) => {
    expect(keyOf(one)).toBe(keyOf(other));
  });

  // What other processes and releases have in Redis is found under these. Whoever changes one throws all memoized results away.
  it.each<[unknown[], string]>([
    [[], 'T1PNoYwrqgwDVLtfmj7L5e0Sq02OEbqHPC8RFhICuUU'],
    [[42], 'uGseoRsoE2_lIkudHjAXt--2jU-uC5DElA4MD4mzkHo'],
    [['42'], '1kby-r3ROn7hbfsS5ZUZt7aIC_UZEgiMkR9lO0kMkg8'],
    [[{ b: [1, null], a: 'ä\ud800' }, true], 'dh1izJpK_D8POG2bDbfCuIbLww_3kbhvP8Ji8OiCzxE'],
    [
      [new Map<unknown, unknown>([['k', new Set([1n, -0])]]), new Date(0), Number.NaN, undefined, Uint8Array.of(255)],
      'r2iNmtv-LQ7-tb12CckhbQSSwWqUx9rIZFp5Fi8X9Ng',
    ],
    [
      [Buffer.from('b'), new Float64Array([0.5]).buffer, new BigInt64Array([-1n]), 1e21, 0.1, -(2n ** 70n)],
      '_D7_XtFZcyNLypfeTbMeTMOOOUXfUNlq67_m_tul79Y',
    ],
  ])('is stable: case %$', (args, key) => {
    expect(keyOf(...args)).toBe(key);
  });
});

describe('arguments of which no key can be made', () => {
  class User {
    name = 'Ada';
  }
  const cycle: Record<string, unknown> = {};
  cycle.self = { cycle };
  const sparse: unknown[] = [];
  sparse[1] = 1;

  it.each<[string, unknown[], string]>([
    ['a function', [1, { on: { done: () => 1 } }], "argument 2 of 'f': args[1].on.done is a function."],
    ['a symbol', [Symbol('s')], "argument 1 of 'f': args[0] is a symbol."],
    ['an instance', [[new User()]], "argument 1 of 'f': args[0][0] is an instance of User."],
    ['an error', [new RangeError('no')], "argument 1 of 'f': args[0] is an instance of RangeError."],
    ['a promise', ['a', 'b', Promise.resolve(1)], "argument 3 of 'f': args[2] is an instance of Promise."],
    ['a WeakMap', [new WeakMap()], "argument 1 of 'f': args[0] is an instance of WeakMap."],
    ['a RegExp', [{ where: /x/ }], "argument 1 of 'f': args[0].where is an instance of RegExp."],
    ['a cycle', [cycle], "argument 1 of 'f': args[0].self.cycle refers back to args[0]."],
    ['a sparse array', [0, sparse], "argument 2 of 'f': args[1][0] is missing."],
    ['a symbol as key', [{ [Symbol.iterator]: 1 }], "argument 1 of 'f': args[0] has the key Symbol(Symbol.iterator)."],
    ['a proxy of a class', [new Proxy(new User(), {})], "argument 1 of 'f': args[0] is an instance of User."],
    ['a member of a Map', [new Map([[{ k: () => 1 }, 1]])], "argument 1 of 'f': args[0].keys()[0].k is a function."],
  ])('%s', (_, args, place) => {
    const mend = 'Pass plain data, or give { key }: a function of the arguments that returns a string.';
    const error = refusalOf(args);
    expect(error).toBeInstanceOf(InvalidKeyError);
    expect(error.message).toBe(`No key can be made of ${place} ${mend}`);
  });

  it('too many parts, in whichever argument', () => {
    let value: object = {};
    for (let i = 0; i < 40; i += 1) value = { a: value, b: value };
    expect(refusalOf([value]).message).toMatch(
      /^No key can be made of the arguments of 'f': args has more than 5000000 parts\./,
    );
  });
});

function refusalOf(args: unknown[]): Error {
  try {
    keyOf(...args);
  } catch (error) {
    return error as Error;
  }
  throw new Error('not refused');
}

/** The same data in another order, nothing shared with the original. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value instanceof Map) return new Map([...value].reverse().map(([key, member]) => [shuffled(key), shuffled(member)]));
  if (value instanceof Set) return new Set([...value].reverse().map(shuffled));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return objectOf(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, shuffled(member)] as const),
  );
}
