import { ConfigError, InvalidKeyError } from '../errors.js';
import { shownKey } from './shown-key.js';

export { physicalKeys } from './physical-keys.js';

/** Longest key, in bytes of UTF-8, without the cache's own prefix. */
const longestKeyBytes = 512;

/** No UTF-16 unit takes more than three bytes, so a key up to this long needs no counting. */
const surelyShort = Math.floor(longestKeyBytes / 3);

/**
 * Checks a key: a non-empty string of at most 512 bytes of UTF-8, well-formed Unicode.
 * @throws InvalidKeyError
 */
export function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key.length === 0 || key.length > surelyShort || !key.isWellFormed()) {
    checkUnusual(key, 'key', 'user:42');
  }
}

/**
 * The same for a tag, which may hold anything else: spaces, commas, braces.
 * @throws InvalidKeyError
 */
export function checkTag(tag: unknown): asserts tag is string {
  checkUnusual(tag, 'tag', 'org:1');
}

/**
 * The same for the name of what is locked.
 * @throws InvalidKeyError
 */
export function checkResource(resource: unknown): asserts resource is string {
  checkUnusual(resource, 'resource', 'invoice:42');
}

function checkUnusual(key: unknown, what: 'key' | 'tag' | 'resource', example: string): void {
  if (typeof key !== 'string') {
    throw new InvalidKeyError(`A ${what} must be a string, got ${shownKey(key)}. Convert it: String(id), or \`user:\${id}\`.`);
  }
  if (key === '') throw new InvalidKeyError(`A ${what} must not be empty. Give it a name, such as ${example}.`);
  if (!key.isWellFormed()) {
    throw new InvalidKeyError(
      `The ${what} ${shownKey(key)} has half a surrogate pair, which UTF-8 cannot tell from another. Use encodeURIComponent or a hash.`,
      { key },
    );
  }
  const bytes = Buffer.byteLength(key);
  if (bytes > longestKeyBytes) {
    throw new InvalidKeyError(
      `The ${what} ${shownKey(key)} has ${bytes} bytes of UTF-8; ${longestKeyBytes} are allowed. Hash the long part, for example with SHA-256.`,
      { key },
    );
  }
}

/**
 * Checks the name of a cache or namespace. Names go before keys, so they hold nothing that a glob or a hash tag could meet.
 * @throws ConfigError
 */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name === 'string' && name.length <= longestName && /^[A-Za-z0-9_.-]+$/.test(name)) return;
  throw new ConfigError(
    `${what} must be 1 to ${longestName} characters of A-Z, a-z, 0-9, '_', '.' and '-', got ${shownKey(name)}. Try 'shop' or 'users-v2'.`,
  );
}

const longestName = 64;

/**
 * The key as the whole cache knows it.
 * @throws InvalidKeyError
 */
export function fullKeyOf(prefix: string, key: string): string {
  checkKey(key);
  if (prefix === '') return key;
  const fullKey = prefix + key;
  checkKey(fullKey);
  return fullKey;
}
