import { types } from 'node:util';
import { InvalidValueError } from '../errors.js';
import {
  emptyBuiltInBytes,
  emptyBytes,
  keyTableBytes,
  mostParts,
  numberBytes,
  plainJsonBytes,
  slotBytes,
  stringBytes,
  tooManyParts,
} from './plain-json.js';
import { describeInstance, pathText, type Refusal, type Step } from './refusal.js';

/** What has to be known about a value before it is stored. */
export interface Inspection {
  /** JSON gives it back exactly; otherwise the structured codec does. */
  readonly json: boolean;
  /** Estimated heap size, a whole number. */
  readonly bytes: number;
}

/** Both codecs recurse, so there is a limit; data that people make is far below it. */
const deepest = 500;

/**
 * Looks a value over before it is stored, so that it reads the same from every tier. A Date, Map, Set, BigInt, typed array, Buffer,
 * ArrayBuffer, `undefined` inside an object, NaN, an infinity and -0 are kept exactly. An object without prototype counts as a
 * plain one and comes back as such.
 * @throws InvalidValueError naming the place, for what no codec gives back: `undefined` itself, functions, symbols, class instances,
 * cycles, sparse arrays, arrays with named properties, more than 500 levels, more than 5,000,000 parts (properties, elements and what
 * is in them; an object that lies in several places counts at each, as it would be stored at each). `refusal` words it otherwise.
 */
export function inspectValue(value: unknown, refusal: Refusal = refusalOfValue): Inspection {
  const bytes = plainJsonBytes(value);
  if (bytes >= 0) return { json: true, bytes };
  const walk: Walk = { json: true, bytes: 0, parts: 0, path: [], ancestors: [], refusal };
  if (bytes === tooManyParts) refuseSize(walk);
  if (value === undefined) {
    refuse(walk, 'is undefined', ", which is how a cache says 'nothing there'. Store null, or delete the key.");
  }
  visit(value, walk);
  return { json: walk.json, bytes: walk.bytes };
}

/** Whether a value can be stored at all. */
export function isPortable(value: unknown): boolean {
  try {
    inspectValue(value);
    return true;
  } catch (error) {
    if (error instanceof InvalidValueError) return false;
    throw error;
  }
}

/** The careful walk: knows where it is and which objects it is inside of. */
interface Walk {
  json: boolean;
  bytes: number;
  parts: number;
  readonly path: Step[];
  readonly ancestors: object[];
  readonly refusal: Refusal;
}

function visit(value: unknown, walk: Walk): void {
  walk.parts += 1;
  if (walk.parts > mostParts) refuseSize(walk);
  switch (typeof value) {
    case 'string':
      walk.bytes += stringBytes(value);
      return;
    case 'number':
      walk.bytes += numberBytes(value);
      if (!Number.isFinite(value) || Object.is(value, -0)) walk.json = false;
      return;
    case 'boolean':
      return;
    case 'undefined':
      walk.json = false;
      return;
    case 'bigint':
      walk.json = false;
      walk.bytes += bigintBytes(value);
      return;
    case 'object':
      if (value !== null) visitObject(value, walk);
      return;
    default:
      refuse(walk, `is a ${typeof value}`, '. A cache keeps data only: leave it out, or store what it gives.');
  }
}

function visitObject(value: object, walk: Walk): void {
  const { ancestors } = walk;
  const loop = ancestors.indexOf(value);
  if (loop !== -1) {
    const to = pathText(walk.path.slice(0, loop), walk.refusal.root);
    refuse(walk, `refers back to ${to}`, '. A cycle cannot be stored: keep an id there instead.');
  }
  if (ancestors.length >= deepest) refuse(walk, `lies more than ${deepest} levels deep`, '. Store a flatter value.');
  ancestors.push(value);
  visitMembers(value, walk);
  ancestors.pop();
}

function visitMembers(value: object, walk: Walk): void {
  const prototype = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    // Only the built-in Array.prototype, of whichever realm, is itself an array.
    if (!Array.isArray(prototype)) refuseInstance(value, walk);
    visitArray(value, walk);
  } else if (isPlain(prototype)) {
    visitPlain(value, walk);
  } else {
    walk.json = false;
    visitStructured(value, walk);
  }
}

function visitStructured(value: object, walk: Walk): void {
  walk.bytes += emptyBuiltInBytes;
  if (ArrayBuffer.isView(value) || types.isArrayBuffer(value)) {
    if (!isKnownBinary(value)) refuseInstance(value, walk);
    walk.bytes += value.byteLength;
    return;
  }
  if (!isBuiltInPrototype(Object.getPrototypeOf(value))) refuseInstance(value, walk);
  if (types.isMap(value)) visitMap(value, walk);
  else if (types.isSet(value)) visitSet(value, walk);
  else if (!types.isDate(value)) refuseInstance(value, walk);
  const [named] = Object.keys(value);
  if (named !== undefined) refuse(walk, `has a property '${named}' that would be lost`, '. Convert it to a plain object.');
}

function visitPlain(value: object, walk: Walk): void {
  const [symbol] = Object.getOwnPropertySymbols(value);
  if (symbol !== undefined) refuse(walk, `has the key ${String(symbol)}`, '. A symbol cannot be stored: use a string as key.');
  const keys = Object.keys(value);
  walk.bytes += emptyBytes + keyTableBytes(keys.length);
  for (const key of keys) {
    const member = (value as Record<string, unknown>)[key];
    if (key === 'toJSON' && typeof member === 'function') {
      refuse(walk, 'has a toJSON method', ', so memory and Redis would hold different things. Store what toJSON() returns.');
    }
    step(key, member, walk);
  }
}

function visitArray(value: readonly unknown[], walk: Walk): void {
  walk.bytes += emptyBytes;
  for (let i = 0; i < value.length; i += 1) {
    if (value[i] === undefined && !Object.hasOwn(value, i)) {
      walk.path.push(i);
      refuse(walk, 'is missing', ': a sparse array cannot be stored. Put null or undefined there.');
    }
    const member = value[i];
    step(i, member, walk);
    if (typeof member === 'number') walk.bytes -= numberBytes(member);
  }
  const named = Object.keys(value)[value.length] ?? Object.getOwnPropertySymbols(value)[0];
  if (named !== undefined) {
    refuse(walk, `is an array with a property '${String(named)}' that would be lost`, '. Store [...array], or a plain object.');
  }
}

function visitMap(value: Map<unknown, unknown>, walk: Walk): void {
  let index = 0;
  for (const [key, member] of value) {
    step({ text: `.keys()[${index}]` }, key, walk);
    step({ text: `.values()[${index}]` }, member, walk);
    index += 1;
  }
}

function visitSet(value: Set<unknown>, walk: Walk): void {
  let index = 0;
  for (const member of value) {
    step({ text: `.values()[${index}]` }, member, walk);
    index += 1;
  }
}

const binaryPrototypes: ReadonlySet<object> = new Set(
  // Named one by one: a typed array that the structured codec has never heard of must be refused, not garbled.
  [
    Buffer,
    ArrayBuffer,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((type) => type.prototype),
);

function isKnownBinary(value: ArrayBufferView | ArrayBuffer): boolean {
  if ((value as { readonly resizable?: boolean }).resizable === true) return false;
  return binaryPrototypes.has(Object.getPrototypeOf(value));
}

function step(to: Step, value: unknown, walk: Walk): void {
  walk.bytes += slotBytes;
  walk.path.push(to);
  visit(value, walk);
  walk.path.pop();
}

function bigintBytes(value: bigint): number {
  return BigInt.asIntN(64, value) === value ? 24 : 24 + Math.ceil(value.toString(16).length / 2);
}

function isPlain(prototype: object | null): boolean {
  if (prototype === null || prototype === Object.prototype) return true;
  // Object.prototype of another realm (vm, Jest).
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** One step below Object.prototype, as Map.prototype is; a subclass is further down. */
function isBuiltInPrototype(prototype: object): boolean {
  return isPlain(Object.getPrototypeOf(prototype));
}

function refuseInstance(value: object, walk: Walk): never {
  const { fault, mend } = describeInstance(value);
  refuse(walk, fault, mend);
}

function refuseSize(walk: Walk): never {
  walk.path.length = 0;
  const mend = '; an object that lies in several places counts at each. Store less, or ids instead of objects.';
  refuse(walk, `has more than ${mostParts} parts`, mend);
}

function refuse({ path, refusal }: Walk, fault: string, mend: string): never {
  throw refusal.error(path, fault, mend);
}

const refusalOfValue: Refusal = {
  root: 'value',
  error: (path, fault, mend) => new InvalidValueError(`${pathText(path, 'value')} ${fault}${mend}`),
};
