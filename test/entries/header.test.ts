import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/entries/entry.js';
import { formatHeader, labelFields, parseHeader } from '../../src/entries/header.js';
import { CodecError } from '../../src/errors.js';

/** Any well-formed text, with what separates fields in it more often than by chance. */
const tag = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .array(fc.constantFrom(' ', ',', '=', '/', '~', '-', '%', '%2C', '\n', '\0', 'é', '😀', 'tk1 '), { maxLength: 6 })
    .map((parts) => parts.join('')),
);
const nonce = fc.stringMatching(/^[\w-]{9,14}\.\d{16}$/);
const version = fc.oneof(
  nonce,
  fc.tuple(nonce, nonce).map(([hard, soft]) => `${hard}~${soft}`),
);
const labels = fc
  .record({ spaces: fc.array(version, { maxLength: 4 }), tagged: fc.array(fc.tuple(tag, version), { maxLength: 6 }) })
  .map(({ spaces, tagged }) => ({
    tags: tagged.map(([name]) => name),
    versions: [...spaces, ...tagged.map(([, its]) => its)],
  }));

const time = fc.integer({ min: 0, max: 2 ** 45 });
const entryWith = fc
  .record({ labels, createdAt: time, ttl: fc.option(time), grace: fc.option(time), cost: fc.integer({ min: 0, max: 1e6 }) })
  .map(({ labels: { tags, versions }, createdAt, ttl, grace, cost }): Entry => {
    const freshUntil = createdAt + (ttl ?? Number.POSITIVE_INFINITY);
    const expiresAt = freshUntil + (grace ?? Number.POSITIVE_INFINITY);
    return { value: undefined, createdAt, freshUntil, expiresAt, cost, stamp: 'stamp-1_a', tags, versions };
  });

describe('the header', () => {
  it('gives back every entry’s times, tags and versions, whatever the tags and whatever follows', () => {
    fc.assert(
      fc.property(
        entryWith,
        fc.integer({ min: -1e6, max: 1e6 }),
        fc.uint8Array({ maxLength: 20 }),
        (entry, offset, payload) => {
          const line = formatHeader(entry, 'json', offset);
          expect(line).toMatch(/^[\x21-\x7e]+( [\x21-\x7e]+){6,8}\n$/);
          const header = parseHeader(Buffer.concat([Buffer.from(line), payload]));
          const { value: _, createdAt, freshUntil, expiresAt, ...rest } = entry;
          expect(header).toEqual({
            ...rest,
            codec: 'json',
            createdAt: createdAt + offset,
            freshUntil: freshUntil + offset,
            expiresAt: expiresAt + offset,
            payloadAt: line.length,
          });
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('begins the field of namespaces as a script compares it', () => {
    fc.assert(
      fc.property(fc.array(version, { maxLength: 4 }), (versions) => {
        const fields = labelFields({ tags: [], versions });
        const entry = { value: 0, createdAt: 1, freshUntil: 2, expiresAt: 2, cost: 0, stamp: 's', tags: [], versions };
        expect(formatHeader(entry, 'json', 0)).toBe(`tk1 s json 1 2 2 0${fields}\n`);
      }),
    );
  });

  it('ignores the fields of a later version', () => {
    for (const [fields, tags, versions] of [
      ['', [], []],
      [' -', [], []],
      [' - - later', [], []],
      [' a.1 - later more', [], ['a.1']],
      [' a.1/b.2 x=c.3 later', ['x'], ['a.1', 'b.2', 'c.3']],
      [' - x=c.3,%20=d.4~e.5', ['x', ' '], ['c.3', 'd.4~e.5']],
    ] as const) {
      expect(parseHeader(Buffer.from(`tk1 s json 1 2 3 0${fields}\n5`)), fields).toMatchObject({ tags, versions });
    }
  });

  it('throws a CodecError for tags that are no encoded text', () => {
    for (const tags of ['%=v', '%zz=v', '%ff=v', 'ok=1,%e9=v']) {
      expect(() => parseHeader(Buffer.from(`tk1 s json 1 2 3 0 - ${tags}\n5`)), tags).toThrow(CodecError);
    }
  });

  it('is read or refused, never anything else, whatever was changed in it', () => {
    fc.assert(
      fc.property(
        entryWith,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        (entry, changes) => {
          const bytes = Buffer.from(formatHeader(entry, 'json', 0));
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          try {
            const header = parseHeader(bytes);
            if (header === 'unknown-format') return;
            expect(header.tags.length).toBeLessThanOrEqual(header.versions.length);
            expect(header.payloadAt).toBeLessThanOrEqual(bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
