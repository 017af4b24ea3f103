import fc from 'fast-check';

/** Text with every kind of trouble: lone surrogates, emoji, NUL, names that objects treat specially. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  // The stored form of a long string takes another path than that of a short one.
  fc.string({ unit: 'binary', minLength: 70, maxLength: 120 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 90 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('__proto__', '__proto_', '__keys__', 'constructor', 'hasOwnProperty', 'toString', 'length', ''),
);

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 31, 2 ** 32, -(2 ** 31) - 1, 0.1),
);

const anyBigInt = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }),
  fc.bigInt({ min: -(2n ** 3000n), max: 2n ** 3000n }),
  fc.constantFrom(2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 524288n, -(2n ** 524296n)),
);

const anyDate = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.integer({ min: -8.64e15, max: 8.64e15 }).map((ms) => new Date(ms)),
);

const bytes = fc.uint8Array({ maxLength: 300 });

const anyBinary: fc.Arbitrary<unknown> = fc.oneof(
  bytes,
  bytes.map((array) => Buffer.from(array)),
  bytes.map((array) => array.slice().buffer),
  fc.uint8ClampedArray(),
  fc.int8Array(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
);

/** An object with exactly these keys, `__proto__` among them if it must be. */
export function objectOf(pairs: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of pairs)
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  return object;
}

/** What JSON gives back exactly. */
export const jsonExact: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyText,
    anyNumber.filter((value) => Number.isFinite(value) && !Object.is(value, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.array(fc.tuple(anyText, tie('value')), { maxLength: 6 }).map(objectOf),
  ),
})).value;

/** Everything that may be inside a stored value. */
const anyMember: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyText,
    anyNumber,
    anyBigInt,
    anyDate,
    anyBinary,
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.array(fc.tuple(anyText, tie('value')), { maxLength: 6 }).map(objectOf),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 5 }).map((members) => new Set(members)),
  ),
})).value;

/** Every value the cache takes. */
export const storable: fc.Arbitrary<unknown> = anyMember.filter((value) => value !== undefined);
