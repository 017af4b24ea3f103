import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { slotOf } from '../../src/backends/redis/slots.js';
import { compileGlob } from '../../src/entries/glob.js';
import { hashTag, physicalKeys } from '../../src/entries/physical-keys.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

const names = physicalKeys('shop');

/** Keys in which braces, and the mark that sets some keys apart, meet in every way. */
const bracedKey = fc
  .array(fc.constantFrom('{', '}', 'a', 'x', 'x{x}', 'x{x}}', '{}', ':'), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join(''));

/** Every text of up to six characters, so that two keys that meet are sure to be among them. */
const everyShortKey = lengths(6, ['{', '}', 'x', 'a']);

describe('physicalKeys', () => {
  it.each([
    ['users:42', 'shop:cache:{users:42}', 'shop:lease:{users:42}'],
    ['a{b}c', 'shop:cache:a{b}c', 'shop:lease:a{b}c'],
    ['{user:1}:profile', 'shop:cache:{user:1}:profile', 'shop:lease:{user:1}:profile'],
    ['{a}', 'shop:cache:{{a}}', 'shop:lease:{{a}}'],
    ['a}b', 'shop:cache:{a}b}', 'shop:lease:{a}b}'],
    ['{}', 'shop:cache:{{}}', 'shop:lease:{{}}'],
    ['a{', 'shop:cache:{a{}', 'shop:lease:{a{}'],
    ['}{', 'shop:cache:{x{x}}{}', 'shop:lease:{x{x}}{}'],
    ['}{a}', 'shop:cache:}{a}', 'shop:lease:}{a}'],
    ['{}x{y}', 'shop:cache:{{}x{y}}', 'shop:lease:{{}x{y}}'],
  ])('names %j', (key, entry, lease) => {
    expect(names.entry(key)).toBe(entry);
    expect(names.lease(key)).toBe(lease);
  });

  it.each([
    ['torg:1', 'shop:tag:{org:1}'],
    ['ta{b}c', 'shop:tag:a{b}c'],
    ['t{a}', 'shop:tag:{{a}}'],
    ['t}{', 'shop:tag:{x{x}}{}'],
    ['tn', 'shop:tag:{n}'],
    ['n', 'shop:space:'],
    ['nusers:', 'shop:space:users:'],
    ['nusers:active:', 'shop:space:users:active:'],
  ])('names the version of %j', (label, version) => {
    expect(names.version(label)).toBe(version);
    expect([names.keyOfEntry(version), names.keyOfLease(version)]).toEqual([undefined, undefined]);
  });

  it('gives no two tags one name', () => {
    expect(new Set(everyShortKey.map((tag) => names.version(`t${tag}`))).size).toBe(everyShortKey.length);
    fc.assert(
      fc.property(bracedKey, bracedKey, (one, other) => {
        expect(names.version(`t${one}`) === names.version(`t${other}`)).toBe(one === other);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives no two keys one name, and every name its key', () => {
    const taken = new Map<string, string>();
    for (const key of everyShortKey) {
      const name = names.entry(key);
      expect(taken.get(name)).toBeUndefined();
      taken.set(name, key);
      expect(names.keyOfEntry(name)).toBe(key);
      expect(names.keyOfLease(names.lease(key))).toBe(key);
    }
    fc.assert(
      fc.property(bracedKey, bracedKey, (one, other) => {
        expect(names.entry(one) === names.entry(other)).toBe(one === other);
        expect(names.keyOfEntry(names.entry(one))).toBe(one);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps entry and lease in one slot', () => {
    for (const key of everyShortKey) expect(slotOf(names.lease(key))).toBe(slotOf(names.entry(key)));
    fc.assert(
      fc.property(bracedKey, (key) => slotOf(names.lease(key)) === slotOf(names.entry(key))),
      { numRuns: 2_000 },
    );
  });

  it('keeps a hash tag of the user, except around a key that is braced as a whole', () => {
    fc.assert(
      fc.property(bracedKey, (key) => {
        const tag = hashTag(key);
        fc.pre(tag !== undefined && !/^\{.*\}$/.test(key));
        expect(hashTag(names.entry(key))).toBe(tag);
      }),
    );
  });

  it('knows no key for a name that is none of its own', () => {
    for (const foreign of ['', 'shop:cache:', 'shop:cache:{}', 'shop:cache:plain', 'shop:lease:{a}', 'shop2:cache:{a}', 'x']) {
      expect(names.keyOfEntry(foreign)).toBeUndefined();
    }
    expect(names.keyOfLease('shop:cache:{a}')).toBeUndefined();
  });
});

describe('scan patterns', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });

  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  const part = fc.array(fc.constantFrom('a', 'é', '😀', '{', '}', '*', '?', '[', ']', '^', '-', '\\', ':'), {
    minLength: 1,
    maxLength: 6,
  });
  const text = part.map((parts) => parts.join(''));

  it('find, with the exact match after them, what the glob matches and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 20 }),
        text,
        fc.constantFrom('', 'a', 'n:', '*', '['),
        async (rests, glob, prefix) => {
          const keys = rests.map((rest, index) => (index % 3 === 0 ? rest : prefix + rest));
          await client.flushdb();
          for (const key of keys) await client.set(names.entry(key), '1');
          const matches = compileGlob(glob);
          const expected = keys.filter((key) => key.startsWith(prefix) && matches(key.slice(prefix.length)));
          const scanned = await client.keys(names.entryScan(prefix, glob));
          const found = scanned
            .map((name) => names.keyOfEntry(name))
            .filter((key) => key?.startsWith(prefix) && matches(key.slice(prefix.length)));
          expect(new Set(found)).toEqual(new Set(expected));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are one short pattern', () => {
    expect(names.entryScan('', '*')).toBe('shop:cache:*');
    expect(names.leaseScan('users:', 'a?[bc]d*')).toBe('shop:lease:*users:a*d*');
    expect(names.entryScan('', 'a\\*[')).toBe('shop:cache:*a\\**');
    expect(physicalKeys('a-b').entryScan('', 'x')).toBe('a\\-b:cache:*x*');
  });
});

describe('slotOf', () => {
  it('is the slot that the server computes', async () => {
    // From the Redis Cluster specification: CRC16 of 123456789 is 0x31C3.
    expect(slotOf('123456789')).toBe(0x31c3 % 16384);
    await using server = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    for (const key of ['a', 'foo{bar}baz', '{}x', 'x{}{y}', '{{a}}', 'é😀', '}{', names.entry('a}b'), names.entry('}')]) {
      expect(String(slotOf(key))).toBe(await server.cli('CLUSTER', 'KEYSLOT', key));
    }
  });
});

function lengths(longest: number, alphabet: readonly string[]): string[] {
  let level = [''];
  const all: string[] = [];
  for (let length = 1; length <= longest; length += 1) {
    level = level.flatMap((text) => alphabet.map((character) => text + character));
    all.push(...level);
  }
  return all;
}
