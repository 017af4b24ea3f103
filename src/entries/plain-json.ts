/** Deeper than this the careful walk takes over. It ends a cycle early, without keeping account of ancestors for every value. */
const deepest = 24;

/** An object with more keys than this is a table with keys of its own; below, objects of one shape share their keys. */
const sharedKeysLimit = 64;

/** Far more than fits a cache. A few dozen objects can have more, if each lies in several places of the next. */
export const mostParts = 5_000_000;

let partsLeft = 0;

/**
 * Estimated heap bytes of a value that JSON surely gives back exactly, else -1: ask the careful walk; {@link tooManyParts} for more
 * than it would look at either. Nearly every value passes here, so it is written for speed: it keeps no path, no ancestors and
 * allocates nothing.
 */
export function plainJsonBytes(value: unknown): number {
  partsLeft = mostParts;
  return bytesOf(value, 0);
}

export const tooManyParts = -2;

function bytesOf(value: unknown, depth: number): number {
  partsLeft -= 1;
  if (partsLeft < 0) return tooManyParts;
  switch (typeof value) {
    case 'string':
      return stringBytes(value);
    case 'number':
      // NaN and the infinities fail the subtraction, -0 the division.
      if (value === 0) return 1 / value > 0 ? 0 : -1;
      return value - value === 0 ? numberBytes(value) : -1;
    case 'boolean':
      return 0;
    case 'object':
      break;
    default:
      return -1;
  }
  if (value === null) return 0;
  if (depth > deepest) return -1;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return objectBytes(value, depth + 1);
  if (prototype === Array.prototype && Array.isArray(value)) return arrayBytes(value, depth + 1);
  return -1;
}

function objectBytes(value: object, depth: number): number {
  if (Object.getOwnPropertySymbols(value).length !== 0) return -1;
  let bytes = emptyBytes;
  let count = 0;
  for (const key in value) {
    const inner = bytesOf((value as Record<string, unknown>)[key], depth);
    if (inner < 0) return inner;
    bytes += slotBytes + inner;
    count += 1;
  }
  return bytes + keyTableBytes(count);
}

function arrayBytes(value: readonly unknown[], depth: number): number {
  // A hole reads as undefined and is caught by that; keys that are no index (a match of a regular expression has some) by this.
  if (Object.keys(value).length !== value.length) return -1;
  let bytes = emptyBytes;
  for (let i = 0; i < value.length; i += 1) {
    const inner = bytesOf(value[i], depth);
    if (inner < 0) return inner;
    // An array of numbers holds them in its slots, fractions too.
    bytes += typeof value[i] === 'number' ? slotBytes : slotBytes + inner;
  }
  return bytes;
}

/** An object or array without its slots. */
export const emptyBytes = 32;
/** A Date, Map, Set or binary value without what is in it. */
export const emptyBuiltInBytes = 96;
/** One property, element or member, without what a string, a fraction or an object in it takes beside. */
export const slotBytes = 8;

export function keyTableBytes(keys: number): number {
  return keys > sharedKeysLimit ? keys * 56 : 0;
}

export function numberBytes(value: number): number {
  return (value | 0) === value ? 0 : 16;
}

/** V8 takes two bytes a character as soon as one is outside Latin-1. Three are looked at: this is an estimate. */
export function stringBytes(text: string): number {
  const { length } = text;
  if (length === 0) return 0;
  const wide = (text.charCodeAt(0) | text.charCodeAt(length >> 1) | text.charCodeAt(length - 1)) > 0xff;
  return 16 + (wide ? length * 2 : length);
}
