import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileGlob, escapeGlob } from '../../src/entries/glob.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { anyText } from './storable.js';

/** Every character that means something in a glob, and a few that do not. */
const alphabet = ['a', 'b', 'c', '*', '?', '[', ']', '^', '-', '\\'];

describe('compileGlob', () => {
  it.each([
    ['user:*', ['user:', 'user:1', 'user:1:x', 'user:\n'], ['users', 'xuser:1', '']],
    ['*', ['a', 'a:b', '{}'], []],
    ['u?er', ['user', 'u*er', 'uéer', 'u😀er'], ['uer', 'usser']],
    ['[abc]1', ['a1', 'c1'], ['d1', '1', 'ab1']],
    ['[a-c]', ['b'], ['-', 'd']],
    ['[c-a]', ['b'], ['d']],
    ['[^a]', ['b', 'é', '😀'], ['a', '', 'bb']],
    ['[é-ü]x', ['öx'], ['ax']],
    ['a\\*b', ['a*b'], ['axb', 'a\\*b']],
    ['a\\', ['a\\'], ['a']],
    ['[a\\]b]', [']', 'a', 'b'], ['\\', '[']],
    ['[]a', [], ['a', ']a']],
    ['[^]', ['x'], ['']],
    ['[ab', ['a', 'b'], ['[ab', '']],
    ['a-b', ['a-b'], ['b']],
    ['*a*b*c', ['abc', 'xxaxxbxxc', 'abcabc'], ['abcx', 'acb']],
    ['**a**', ['a', 'bab'], ['b']],
    ['', [''], ['a']],
    ['__proto__', ['__proto__'], ['x']],
  ])('%j', (pattern, yes, no) => {
    const matches = compileGlob(pattern);
    expect(yes.filter(matches)).toEqual(yes);
    expect(no.filter(matches)).toEqual([]);
  });

  it('takes no more than text × pattern steps', () => {
    const matches = compileGlob(`${'*a'.repeat(200)}*b`);
    const began = performance.now();
    expect(matches('a'.repeat(20_000))).toBe(false);
    // A matcher that backtracks to every star would not end in a lifetime.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('matches an escaped text and nothing else', () => {
    fc.assert(
      fc.property(anyText, anyText, (text, other) => {
        const matches = compileGlob(escapeGlob(text));
        expect(matches(text)).toBe(true);
        expect(matches(other)).toBe(other === text);
      }),
    );
  });
});

describe('compileGlob and the server', () => {
  let server: RedisServer;
  let client: Redis;
  const keys = texts(3);

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
    await client.mset(new Map(keys.map((key) => [key, '1'])));
  });

  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  async function agrees(pattern: string): Promise<void> {
    const found = new Set(await client.keys(pattern));
    const matches = compileGlob(pattern);
    for (const key of keys) {
      if (matches(key) !== found.has(key)) {
        throw new Error(`${JSON.stringify(pattern)} on ${JSON.stringify(key)}: the server says ${found.has(key)}`);
      }
    }
  }

  it('agree on every pattern of up to two characters', async () => {
    for (const pattern of texts(2)) await agrees(pattern);
  });

  it('agree on patterns of any length', async () => {
    const pattern = fc.array(fc.constantFrom(...alphabet), { minLength: 3, maxLength: 10 }).map((parts) => parts.join(''));
    await fc.assert(fc.asyncProperty(pattern, agrees), { numRuns: 1_500 });
  });
});

/** Every text of 1 to `length` characters. */
function texts(length: number): string[] {
  if (length === 1) return [...alphabet];
  const shorter = texts(length - 1);
  const longest = shorter.filter((text) => text.length === length - 1);
  return [...shorter, ...longest.flatMap((text) => alphabet.map((character) => text + character))];
}
