/** A message, by what it says. Keys only, so that neither order nor repetition matters: whoever hears it asks L2. */
export type BusMessage =
  | { readonly kind: 'keys'; readonly origin: string; readonly keys: readonly string[] }
  /** Everything that begins with the prefix may have changed; with an empty one, everything. */
  | { readonly kind: 'prefix'; readonly origin: string; readonly prefix: string }
  /** Those tags and namespaces have new versions. */
  | { readonly kind: 'labels'; readonly origin: string; readonly labels: readonly string[] }
  /** A lease was given back and nothing was changed. */
  | { readonly kind: 'released'; readonly origin: string; readonly key: string };

/** `unknown`: it is one of ours, of a later version, so it may tell of a change. `malformed`: it is none of ours. */
export type Decoded = BusMessage | 'unknown' | 'malformed';

/** More than this in one message is told as "everything": whoever hears it has less to do than with so many keys. */
const longestMessage = 16_384;
/** What is longer was not made here. */
const longestHeard = 4 * longestMessage;

/** What one process publishes. `origin` is unique to it, so that it knows its own messages. */
export interface Announcements {
  keys(keys: readonly string[]): string;
  prefix(prefix: string): string;
  labels(labels: readonly string[]): string;
  released(key: string): string;
}

/** Messages such as `tk1 ["q1w2e3r4a","k","user:42"]`, readable in MONITOR. */
export function announcements(origin: string): Announcements {
  const prefixMessage = (prefix: string) => message([origin, 'p', prefix]);
  return {
    keys(keys) {
      const text = message([origin, 'k', ...keys]);
      return text.length > longestMessage ? prefixMessage('') : text;
    },
    prefix: prefixMessage,
    labels(labels) {
      const text = message([origin, 'l', ...labels]);
      return text.length > longestMessage ? prefixMessage('') : text;
    },
    released: (key) => message([origin, 'r', key]),
  };
}

function message(parts: readonly string[]): string {
  return `tk1 ${JSON.stringify(parts)}`;
}

/** How every message of that process begins. */
export function startOfMessage(origin: string): string {
  return `tk1 [${JSON.stringify(origin)},`;
}

export function decodeMessage(bytes: Buffer): Decoded {
  if (bytes.length > longestHeard) return /^tk\d+ /.test(bytes.toString('latin1', 0, 16)) ? 'unknown' : 'malformed';
  const text = bytes.toString();
  if (!text.startsWith('tk1 ')) return /^tk\d+ /.test(text) ? 'unknown' : 'malformed';
  let parts: unknown;
  try {
    parts = JSON.parse(text.slice(4));
  } catch {
    return 'malformed';
  }
  if (!Array.isArray(parts) || parts.length < 2 || !parts.every((part) => typeof part === 'string')) return 'malformed';
  const [origin, kind, ...rest] = parts as [string, string, ...string[]];
  if (kind === 'k') return { kind: 'keys', origin, keys: rest };
  if (kind === 'l') return { kind: 'labels', origin, labels: rest };
  const [only] = rest;
  if (kind === 'p') return only === undefined ? 'malformed' : { kind: 'prefix', origin, prefix: only };
  if (kind === 'r') return only === undefined ? 'malformed' : { kind: 'released', origin, key: only };
  return 'unknown';
}
