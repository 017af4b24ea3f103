import { escapeGlob, globTokens } from './glob.js';

/** The names in Redis of one cache's entries, leases and versions. */
export interface PhysicalKeys {
  entry(key: string): string;
  /** What the names of all entries begin with, and no other name. */
  readonly entryPrefix: string;
  /** Always in the slot of the entry. */
  lease(key: string): string;
  /** Where the version of a tag (`t` and the tag) or a namespace (`n` and its prefix) is kept. */
  version(label: string): string;
  /** What is deleted to see whether Redis takes writes; never there. In a Cluster `:{…}` follows, of a slot of each master. */
  readonly probe: string;
  /** Where changes are told. */
  readonly channel: string;
  /** The key whose entry has this name; `undefined` for a name that is none of ours. */
  keyOfEntry(physical: string): string | undefined;
  keyOfLease(physical: string): string | undefined;
  /** A MATCH pattern for SCAN that finds all entries whose key is `prefix` and a match of `glob`, and others: check them exactly. */
  entryScan(prefix: string, glob: string): string;
  leaseScan(prefix: string, glob: string): string;
}

/**
 * Names keys `shop:cache:{users:42}`, so that Redis Cluster keeps an entry and its lease together. No two keys share a name.
 * A key with a hash tag of its own keeps it: `shop:cache:a{b}c`. One that begins with `{` and ends with `}` is wrapped all the same,
 * else `{a}` and `a` would meet.
 */
export function physicalKeys(name: string): PhysicalKeys {
  const entries = `${name}:cache:`;
  const leases = `${name}:lease:`;
  const tags = `${name}:tag:`;
  return {
    entry: (key) => physical(entries, key),
    entryPrefix: entries,
    lease: (key) => physical(leases, key),
    version: (label) => (label.startsWith('t') ? physical(tags, label.slice(1)) : `${name}:space:${label.slice(1)}`),
    probe: `${name}:probe`,
    channel: `${name}:bus`,
    keyOfEntry: (found) => keyOf(entries, found),
    keyOfLease: (found) => keyOf(leases, found),
    entryScan: (prefix, glob) => scanPattern(entries, prefix, glob),
    leaseScan: (prefix, glob) => scanPattern(leases, prefix, glob),
  };
}

/**
 * What stands between the first `{` and the next `}`, if anything does: the part of a key that decides its slot.
 */
export function hashTag(key: string): string | undefined {
  const open = key.indexOf('{');
  if (open === -1) return undefined;
  const close = key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

/** A key within an area of names, as described above. */
export function physical(area: string, key: string): string {
  if (key.charCodeAt(0) === CLOSING) return hashTag(key) === undefined ? `${area}{${closingMark}${key}}` : area + key;
  if (key.includes('{') && hashTag(key) !== undefined && !isBraced(key)) return area + key;
  return `${area}{${key}}`;
}

function keyOf(area: string, found: string): string | undefined {
  if (!found.startsWith(area)) return undefined;
  const key = unwrapped(found.slice(area.length));
  // A name that somebody else made may look like ours and still not be the one its key has.
  return key !== '' && physical(area, key) === found ? key : undefined;
}

function unwrapped(text: string): string {
  if (!isBraced(text)) return text;
  const inner = text.slice(1, -1);
  return inner.startsWith(`${closingMark}}`) ? inner.slice(closingMark.length) : inner;
}

function isBraced(text: string): boolean {
  return text.length >= 2 && text.charCodeAt(0) === OPENING && text.charCodeAt(text.length - 1) === CLOSING;
}

/**
 * Put before a key that begins with `}`, since `{}…` is no hash tag and its entry and lease would part. It holds a tag, which no key
 * that gets wrapped does unless it is braced, so the result meets no other key's.
 */
const closingMark = 'x{x}';

const OPENING = 0x7b;
const CLOSING = 0x7d;

/**
 * Redis matches bytes and `?` means a character to us, a character of our own may stand before and after the key, and a class or an
 * escape at the end of the glob would swallow what follows: so every wildcard is widened to `*`.
 */
function scanPattern(area: string, prefix: string, glob: string): string {
  const widened = globTokens(glob).map((token) =>
    token.kind === 'literal' ? escapeGlob(String.fromCodePoint(token.point)) : '*',
  );
  return `${escapeGlob(area)}*${escapeGlob(prefix)}${widened.join('')}*`.replace(/(?<!\\)\*{2,}/g, '*');
}
