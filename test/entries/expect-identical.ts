import { types } from 'node:util';

/**
 * Stricter than toStrictEqual where it matters here: the order of keys and members counts, an invalid Date equals another, and an own
 * property named `constructor` is a property like any other.
 */
export function expectIdentical(actual: unknown, expected: unknown, path = 'value'): void {
  if (Object.is(actual, expected)) return;
  if (!isObject(actual) || !isObject(expected)) differ(path, actual, expected);
  else if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected))
    differ(`the prototype of ${path}`, actual, expected);
  else expectIdenticalContent(actual, expected, path);
}

function expectIdenticalContent(actual: object, expected: object, path: string): void {
  if (types.isDate(expected)) {
    expectIdentical((actual as Date).getTime(), expected.getTime(), path);
  } else if (types.isMap(expected) || types.isSet(expected)) {
    expectIdentical([...(actual as Iterable<unknown>)], [...(expected as Iterable<unknown>)], `[...${path}]`);
  } else if (ArrayBuffer.isView(expected) || types.isArrayBuffer(expected)) {
    if (!bytesOf(actual).equals(bytesOf(expected))) differ(path, actual, expected);
  } else {
    expectIdenticalMembers(actual, expected, path);
  }
}

function expectIdenticalMembers(actual: object, expected: object, path: string): void {
  const keys = Reflect.ownKeys(expected);
  const actualKeys = Reflect.ownKeys(actual);
  if (keys.length !== actualKeys.length || keys.some((key, i) => key !== actualKeys[i]))
    differ(`the keys of ${path}`, actualKeys, keys);
  for (const key of keys) expectIdentical(Reflect.get(actual, key), Reflect.get(expected, key), `${path}.${String(key)}`);
}

function bytesOf(value: object): Buffer {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value as ArrayBuffer);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function differ(what: string, actual: unknown, expected: unknown): never {
  throw new Error(`${what} should be ${String(expected)}, is ${String(actual)}`);
}
