import { types } from 'node:util';

/**
 * A deep copy of a value that the cache takes. Not structuredClone: that makes a Uint8Array of a Buffer, and takes several times as long.
 */
export function cloneValue<T>(value: T): T {
  return (typeof value === 'object' && value !== null ? cloneObject(value) : value) as T;
}

function cloneObject(value: object): object {
  if (Array.isArray(value)) return value.map(cloneValue);
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return clonePlain(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (types.isTypedArray(value)) return value.slice();
  if (types.isArrayBuffer(value)) return value.slice(0);
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isMap(value)) return new Map(Array.from(value, ([key, member]) => [cloneValue(key), cloneValue(member)]));
  if (types.isSet(value)) return new Set(Array.from(value, cloneValue));
  return clonePlain(value);
}

function clonePlain(value: object): object {
  // Spread defines every key as its own property, __proto__ too, so that assigning to it afterwards sets no prototype.
  const copy: Record<string, unknown> = { ...value };
  for (const key of Object.keys(copy)) {
    const member = copy[key];
    if (typeof member === 'object' && member !== null) copy[key] = cloneObject(member);
  }
  return copy;
}
