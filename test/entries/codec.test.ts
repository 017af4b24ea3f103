import vm from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry } from '../../src/entries/codec.js';
import { type Entry, noLabels } from '../../src/entries/entry.js';
import { CodecError, InvalidValueError } from '../../src/errors.js';
import { expectIdentical } from './expect-identical.js';
import { objectOf, storable } from './storable.js';

const life = {
  createdAt: 1_764_000_000_000,
  freshUntil: 1_764_000_300_000,
  expiresAt: 1_764_003_600_000,
  cost: 12,
  stamp: 'q1w2e3r4a',
};

/** As L2 keeps it. */
function bytesOf(entry: Entry, clockOffset: number): Buffer {
  return Buffer.from(encodeEntry(entry, clockOffset) as string);
}

function entryOf(value: unknown, changes: Partial<Entry> = {}): Entry {
  return { value, ...life, ...noLabels, ...changes };
}

function roundTrip(value: unknown): unknown {
  const entry = decodeEntry(bytesOf(entryOf(value), 0), 0);
  if (entry === 'unknown-format') throw new Error('unknown format');
  return entry.value;
}

/** Bytes with a header of ours before them. */
function withHeader(header: string, payload: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from(header), Buffer.from(payload)]);
}

describe('the stored form', () => {
  it('is a line that a person can read, then JSON', () => {
    const bytes = bytesOf(entryOf({ id: 42, name: 'Zoë' }), 0);
    expect(bytes.toString()).toBe('tk1 q1w2e3r4a json 1764000000000 1764000300000 1764003600000 12\n{"id":42,"name":"Zoë"}');
  });

  it('names the structured codec when JSON would change the value', () => {
    expect(bytesOf(entryOf({ at: new Date(0) }), 0).toString('latin1')).toMatch(/^tk1 q1w2e3r4a msgpack \d+ \d+ \d+ 12\n/);
  });

  it('keeps for ever as -', () => {
    const forEver = entryOf(1, { freshUntil: Number.POSITIVE_INFINITY, expiresAt: Number.POSITIVE_INFINITY });
    const bytes = bytesOf(forEver, 5);
    expect(bytes.toString()).toBe('tk1 q1w2e3r4a json 1764000000005 - - 12\n1');
    expect(decodeEntry(bytes, 5)).toEqual(forEver);
  });

  it('holds times of the server, in whole milliseconds', () => {
    const bytes = bytesOf(entryOf(1, { createdAt: 1000.4, cost: 3.6 }), 250.2);
    expect(bytes.toString()).toBe('tk1 q1w2e3r4a json 1251 1764000300250 1764003600250 4\n1');
    expect(decodeEntry(bytes, 250)).toMatchObject({ createdAt: 1001, freshUntil: 1_764_000_300_000, cost: 4 });
    // A process whose clock is a minute late reads the same moments on its own clock.
    expect(decodeEntry(bytes, 60_250)).toMatchObject({ freshUntil: 1_764_000_240_000 });
  });

  it('takes times before 1970 and large ones', () => {
    const entry = entryOf(null, { createdAt: -5, freshUntil: 0, expiresAt: 9_007_199_254_740_991, cost: 0 });
    expect(decodeEntry(bytesOf(entry, 0), 0)).toStrictEqual(entry);
  });

  it('names the versions of namespaces, then the tags with theirs', () => {
    const entry = entryOf(1, { tags: ['org:1', 'a b,=/é'], versions: ['v1', 'v2', 't1', 't2~s'] });
    const bytes = bytesOf(entry, 0);
    expect(bytes.toString()).toMatch(/ 12 v1\/v2 org%3A1=t1,a%20b%2C%3D%2F%C3%A9=t2~s\n1$/);
    expect(decodeEntry(bytes, 0)).toStrictEqual(entry);
    for (const some of [
      { tags: [], versions: ['v1'] },
      { tags: ['t'], versions: ['v'] },
    ]) {
      expect(decodeEntry(bytesOf(entryOf(1, some), 0), 0)).toStrictEqual(entryOf(1, some));
    }
  });

  it('does not take half a percent sign for a tag', () => {
    expect(() => decodeEntry(withHeader('tk1 s json 1 2 3 4 v %E0%A4=t\n', '1'), 0)).toThrow(CodecError);
  });

  it('may have more fields one day', () => {
    const bytes = withHeader('tk1 s json 1 2 3 4 - - x:users=9f x:org\n', '{"a":1}');
    expect(decodeEntry(bytes, 0)).toStrictEqual(
      entryOf({ a: 1 }, { stamp: 's', createdAt: 1, freshUntil: 2, expiresAt: 3, cost: 4 }),
    );
  });
});

describe('values', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(storable, (value) => {
        expectIdentical(roundTrip(value), value);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    [
      'a key that would set the prototype',
      objectOf([
        ['__proto__', { polluted: true }],
        ['__proto_', 1],
        ['at', new Date(1)],
      ]),
    ],
    ['half a surrogate pair', { [`\ud800${'x'.repeat(80)}`]: undefined, short: '\udc00', long: `${'é'.repeat(90)}\ud83d` }],
    ['an array that looks like a tag', [undefined, 'map', 1, [undefined, '-0'], [undefined]]],
    ['-0 and NaN in every place', [-0, Number.NaN, { a: -0 }, new Map([[Number.NaN, -0]]), new Float64Array([-0, Number.NaN])]],
    ['an object with own constructor and toJSON', { constructor: 'x', toJSON: 5, hasOwnProperty: 1, u: undefined }],
    [
      '__keys__',
      [
        { a: 1, u: undefined },
        { a: 1, __keys__: 2, highByte: 3 },
      ],
    ],
    [
      'a Map with keys of every kind',
      new Map<unknown, unknown>([
        [{ a: 1 }, 1],
        [[1], 2],
        [null, 3],
        [undefined, 4],
        [1n, 5],
        ['1', 6],
        [1, 7],
      ]),
    ],
    ['large BigInts', [2n ** 64n - 1n, -(2n ** 63n), 2n ** 600_000n, -(2n ** 600_007n) - 1n]],
    ['dates at the ends of time', [new Date(8.64e15), new Date(-8.64e15), new Date(-1), new Date(1.5), new Date(Number.NaN)]],
    ['a table of 70,000 keys', Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i % 2 ? i : undefined]))],
    ['a megabyte of text beside a Date', { text: 'añ語'.repeat(300_000), at: new Date(5) }],
  ])('come back: %s', (_name, value) => {
    expectIdentical(roundTrip(value), value);
  });

  it('keep a Buffer a Buffer, a Uint8Array one, and neither holds on to the bytes that came from the server', () => {
    const bytes = bytesOf(entryOf({ buffer: Buffer.from('abc'), array: new Uint8Array([1, 2]) }), 0);
    const { value } = decodeEntry(bytes, 0) as Entry<{ buffer: Buffer; array: Uint8Array }>;
    bytes.fill(0);
    expect(Buffer.isBuffer(value.buffer)).toBe(true);
    expect(value.buffer.toString()).toBe('abc');
    expect(Buffer.isBuffer(value.array)).toBe(false);
    expect([...value.array]).toEqual([1, 2]);
  });

  it('of another realm come back as those of this one', () => {
    const foreign = vm.runInNewContext(
      '({ at: new Date(7), map: new Map([[1, { a: [2] }]]), set: new Set([3]), list: [undefined] })',
    );
    expect(roundTrip(foreign)).toStrictEqual({
      at: new Date(7),
      map: new Map([[1, { a: [2] }]]),
      set: new Set([3]),
      list: [undefined],
    });
  });

  it('without prototype come back as plain objects', () => {
    expect(roundTrip(Object.assign(Object.create(null), { a: undefined }))).toStrictEqual({ a: undefined });
  });

  it('are not changed by being written', () => {
    const inner = Object.freeze([undefined, Object.freeze({ zero: -0, text: '\ud800' })]);
    const value = Object.freeze({ inner, map: new Map([[1, inner]]) });
    expect(roundTrip(value)).toStrictEqual({
      inner: [undefined, { zero: -0, text: '\ud800' }],
      map: new Map([[1, [undefined, { zero: -0, text: '\ud800' }]]]),
    });
  });

  it('that cannot be stored are refused', () => {
    expect(() => encodeEntry(entryOf(undefined), 0)).toThrow(InvalidValueError);
    expect(() => encodeEntry(entryOf({ f: () => 1 }), 0)).toThrow(InvalidValueError);
  });
});

describe('bytes that are not ours', () => {
  it.each(['tk2 s json 1 2 3 4\n1', 'tk10 anything', 'tk0 ', 'tk1 s cbor 1 2 3 4\n\u0001', 'tk1 s json2 1 2 3 4 \nx'])(
    '%j is of another version',
    (text) => {
      expect(decodeEntry(Buffer.from(text), 0)).toBe('unknown-format');
    },
  );

  it.each([
    '',
    '1',
    'tk1',
    'tk1 ',
    'tk1\n',
    'tk ',
    'tkx s json 1 2 3 4\n1',
    'TK1 s json 1 2 3 4\n1',
    'tk1 s json 1 2 3 4',
    'tk1 s json 1 2 3\n1 ',
    'tk1 s json\n1 2 3 4\n1',
    'tk1  json 1 2 3 4\n1',
    'tk1 s json  2 3 4\n1',
    'tk1 s json x 2 3 4\n1',
    'tk1 s json - 2 3 4\n1',
    'tk1 s json 1 2 3 -4\n1',
    'tk1 s json 1 2 3 4x\n1',
    'tk1 s json 1 0x2 3 4\n1',
    'tk1 s json 1 2.5 3 4\n1',
    'tk1 s json 1 9 3 4\n1',
    'tk1 s json 1 2 3 4\n',
    'tk1 s json 1 2 3 4\n{"a":',
    'tk1 s json 1 2 3 4\n{"a":1}x',
    'tk1 s msgpack 1 2 3 4\n',
    '{"value":1}',
  ])('%j is corrupt', (text) => {
    expect(() => decodeEntry(Buffer.from(text), 0)).toThrow(CodecError);
  });

  it.each([
    ['a payload cut short', Buffer.from([0xdc, 0xff, 0xff, 1])],
    ['a tag that means nothing', Buffer.from([0x92, 0xd4, 0, 0, 0xa1, 0x78])],
    ['no tag', Buffer.from([0x91, 0xd4, 0, 0])],
    ['a Map with a key too many', Buffer.from([0x93, 0xd4, 0, 0, 0xa3, 0x6d, 0x61, 0x70, 1])],
    ['a Date made of text', Buffer.from([0x93, 0xd4, 0, 0, 0xa4, 0x64, 0x61, 0x74, 0x65, 0xa1, 0x78])],
    ['text made of a number', Buffer.from([0x93, 0xd4, 0, 0, 0xa4, 0x74, 0x65, 0x78, 0x74, 1])],
    ['bytes after the value', Buffer.from([1, 1])],
    ['a hundred thousand levels', Buffer.alloc(100_000, 0x91)],
  ])('%s is corrupt', (_name, payload) => {
    let error: unknown;
    try {
      decodeEntry(withHeader('tk1 s msgpack 1 2 3 4\n', payload), 0);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(CodecError);
    expect((error as CodecError).stage).toBe('decode');
    expect((error as CodecError).message).toMatch(/^The msgpack of an entry could not be read: /);
  });

  function readsOrRefuses(bytes: Buffer): void {
    try {
      const entry = decodeEntry(bytes, 0);
      if (entry !== 'unknown-format') expect(entry).toHaveProperty('value');
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
    }
  }

  it('of any kind never do worse than a CodecError', () => {
    const header = fc.constantFrom('', 'tk1 ', 'tk1 s json 1 2 3 4\n', 'tk1 s msgpack 1 2 3 4\n');
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 200 }), (start, rest) =>
        readsOrRefuses(withHeader(start, Buffer.from(rest))),
      ),
      { numRuns: 3_000 },
    );
  });

  it('that were an entry once never do worse either, nor spoil the next one', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(storable, changes, fc.option(fc.nat()), (value, changed, cutAt) => {
        const whole = bytesOf(entryOf(value), 0);
        const bytes = Buffer.from(cutAt === null ? whole : whole.subarray(0, cutAt % whole.length));
        for (const [at, byte] of changed) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        readsOrRefuses(bytes);
        expectIdentical(decodeEntry(whole, 0), entryOf(value));
      }),
      { numRuns: 2_000 },
    );
  });
});
