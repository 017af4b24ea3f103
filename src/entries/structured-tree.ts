import { types } from 'node:util';

/**
 * MessagePack has no Map beside objects, no -0, no half of a surrogate pair and, as msgpackr reads it, no key `__proto__`; what
 * msgpackr makes of a Date depends on what else in the process extended it. So these become arrays that begin with `undefined` and
 * a tag, and an array that begins with `undefined` by itself is tagged too. What needs no tag is not copied.
 */
export function toTree(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? value : [undefined, 'text', Buffer.from(value, 'utf16le')];
    case 'number':
      return Object.is(value, -0) ? [undefined, '-0'] : value;
    case 'object':
      return value === null ? null : objectToTree(value);
    default:
      return value;
  }
}

function objectToTree(value: object): unknown {
  if (Array.isArray(value)) return value[0] === undefined && value.length > 0 ? tagged('array', value) : membersToTree(value);
  if (types.isMap(value)) return tagged('map', pairsOf(value));
  if (types.isSet(value)) return tagged('set', value);
  if (types.isDate(value)) return [undefined, 'date', value.getTime()];
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return value;
  return Object.keys(value).every(isOrdinaryKey) ? membersToTree(value) : tagged('object', pairsOf(Object.entries(value)));
}

function isOrdinaryKey(key: string): boolean {
  return key !== '__proto__' && key.isWellFormed();
}

function* pairsOf(entries: Iterable<readonly [unknown, unknown]>): Iterable<unknown> {
  for (const [key, member] of entries) {
    yield key;
    yield member;
  }
}

function tagged(tag: string, members: Iterable<unknown>): unknown[] {
  const tree: unknown[] = [undefined, tag];
  for (const member of members) tree.push(toTree(member));
  return tree;
}

type Members = Record<string, unknown>;

function membersToTree(value: object): object {
  let copy: Members | undefined;
  for (const key of Object.keys(value)) {
    const member = (value as Members)[key];
    const tree = toTree(member);
    if (Object.is(tree, member)) continue;
    copy ??= (Array.isArray(value) ? value.slice() : { ...value }) as Members;
    copy[key] = tree;
  }
  return copy ?? value;
}

/** Undoes {@link toTree}, in place where it can: the tree has just been decoded and is nobody else's. */
export function fromTree(tree: unknown): unknown {
  if (typeof tree !== 'object' || tree === null) return tree;
  if (Array.isArray(tree)) {
    if (tree[0] === undefined && tree.length > 0) return untagged(tree[1], tree.slice(2).map(fromTree));
    for (let i = 0; i < tree.length; i += 1) tree[i] = fromTree(tree[i]);
  } else if (Object.getPrototypeOf(tree) === Object.prototype) {
    for (const key of Object.keys(tree)) (tree as Members)[key] = fromTree((tree as Members)[key]);
  }
  return tree;
}

function untagged(tag: unknown, members: unknown[]): unknown {
  const [first] = members;
  switch (tag) {
    case 'array':
      return members;
    case 'map':
      return new Map(pairsIn(members));
    case 'set':
      return new Set(members);
    case 'object':
      return objectFrom(pairsIn(members));
    case 'date':
      if (typeof first === 'number') return new Date(first);
      break;
    case 'text':
      if (Buffer.isBuffer(first)) return first.toString('utf16le');
      break;
    case '-0':
      return -0;
  }
  throw new TypeError(`a structured value is tagged ${String(tag)}, which means nothing here`);
}

function pairsIn(members: readonly unknown[]): [unknown, unknown][] {
  if (members.length % 2 !== 0) throw new TypeError('a structured value has a key without a value');
  return Array.from({ length: members.length / 2 }, (_, i) => [members[2 * i], members[2 * i + 1]]);
}

function objectFrom(pairs: readonly [unknown, unknown][]): object {
  const object = {};
  for (const [key, value] of pairs) {
    // Assigning __proto__ would set the prototype.
    Object.defineProperty(object, String(key), { value, writable: true, enumerable: true, configurable: true });
  }
  return object;
}
