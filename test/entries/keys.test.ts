import { describe, expect, it } from 'vitest';
import { checkKey, checkName } from '../../src/entries/keys.js';
import { ConfigError, InvalidKeyError } from '../../src/errors.js';

describe('checkKey', () => {
  it.each([
    'a',
    ' ',
    '\n',
    '\0',
    '__proto__',
    'constructor',
    'a b',
    '{}',
    '}{',
    '*',
    '😀',
    'x'.repeat(170),
    'x'.repeat(171),
    'x'.repeat(512),
    'é'.repeat(256),
    '語'.repeat(170),
    '😀'.repeat(128),
  ])('takes %j', (key) => {
    expect(() => checkKey(key)).not.toThrow();
  });

  it.each([
    [undefined, 'A key must be a string, got undefined. Convert it: String(id), or `user:'],
    [null, 'got null.'],
    [42, 'got number 42.'],
    [{}, 'got object.'],
    [Symbol('s'), 'got symbol.'],
    [['a'], 'got object.'],
    [Object('a'), 'got object.'],
    ['', 'A key must not be empty. Give it a name, such as user:42.'],
    ['\ud800', 'The key "\\ud800" has half a surrogate pair, which UTF-8 cannot tell from another.'],
    [`a\udc00${'b'.repeat(300)}`, 'has half a surrogate pair'],
    [
      'x'.repeat(513),
      `The key "${'x'.repeat(40)}"… has 513 bytes of UTF-8; 512 are allowed. Hash the long part, for example with SHA-256.`,
    ],
    ['é'.repeat(257), 'has 514 bytes of UTF-8'],
    ['語'.repeat(171), 'has 513 bytes of UTF-8'],
    ['x'.repeat(2 ** 20), 'has 1048576 bytes of UTF-8'],
  ])('refuses %j', (key, message) => {
    let error: unknown;
    try {
      checkKey(key);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InvalidKeyError);
    expect((error as InvalidKeyError).message).toContain(message);
    expect((error as InvalidKeyError).key).toBe(typeof key === 'string' && key !== '' ? key : undefined);
  });
});

describe('checkName', () => {
  it.each(['shop', 'A', 'users-v2', 'a.b_c', '7', 'x'.repeat(64)])('takes %j', (name) => {
    expect(() => checkName(name, 'name')).not.toThrow();
  });

  it.each(['', 'a:b', 'a b', '{a}', 'a*', 'ä', 'a\n', 'x'.repeat(65), undefined, 5])('refuses %j', (name) => {
    expect(() => checkName(name, 'namespace')).toThrow(ConfigError);
    expect(() => checkName(name, 'namespace')).toThrow(
      /^namespace must be 1 to 64 characters of A-Z, a-z, 0-9, '_', '\.' and '-', got .*\. Try 'shop' or 'users-v2'\.$/,
    );
  });
});
