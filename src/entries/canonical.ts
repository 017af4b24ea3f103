import { types } from 'node:util';

/**
 * One text for all values that are deeply equal, and for no others: what `util.isDeepStrictEqual` says of data that
 * {@link inspectValue} has passed. The order of properties, of the members of a Set and of the entries of a Map does not count. The text
 * is well-formed Unicode, and the same in every process and release: keys that are kept in Redis are made of it.
 */
export function canonicalText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      // JSON escapes half a surrogate pair, which UTF-8 could not tell from another.
      return JSON.stringify(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      // Decimal digits of a long one would take a time that grows with its square.
      return `${value.toString(16)}n`;
    case 'object':
      return value === null ? 'null' : textOfObject(value);
    default:
      return String(value);
  }
}

function textOfObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (types.isDate(value)) return `Date(${value.getTime()})`;
  if (types.isMap(value)) return `Map(${sorted(Array.from(value, ([key, member]) => pairText(canonicalText(key), member)))})`;
  if (types.isSet(value)) return `Set(${sorted(Array.from(value, canonicalText))})`;
  if (types.isArrayBuffer(value)) return `ArrayBuffer(${Buffer.from(value).toString('base64')})`;
  if (ArrayBuffer.isView(value)) return `${viewName(value)}(${bytesOf(value).toString('base64')})`;
  return `{${sorted(Object.entries(value).map(([key, member]) => pairText(JSON.stringify(key), member)))}}`;
}

function pairText(key: string, member: unknown): string {
  return `${key}:${canonicalText(member)}`;
}

/** By UTF-16 units, which no locale changes. */
function sorted(texts: string[]): string {
  return texts.sort().join();
}

function viewName(view: ArrayBufferView): string {
  return Buffer.isBuffer(view) ? 'Buffer' : Object.prototype.toString.call(view).slice(8, -1);
}

function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
