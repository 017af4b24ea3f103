import type { Label } from '../entries/labels.js';

/**
 * What a process wants gone from L2, by name. A key that was `set` is told with the stamp of what it was set to: if L2 took it after all it may
 * stay there, and whatever else is there may be older.
 */
export type Intent =
  | { readonly kind: 'key'; readonly key: string; readonly to: KeyIntent }
  | { readonly kind: 'keys'; readonly keys: ReadonlyMap<string, KeyIntent> }
  | { readonly kind: 'labels'; readonly labels: readonly Label[]; readonly soft: boolean }
  | { readonly kind: 'pattern'; readonly prefix: string; readonly glob: string }
  | { readonly kind: 'everything' };

/** {@link removed}, {@link softened}, or the stamp of what it was set to. */
export type KeyIntent = string;

export const removed: KeyIntent = '';
/** No stamp has this character. */
export const softened: KeyIntent = '~';

/** What one call wanted of a key: asked for and heard of, each in the order of all that was. */
export interface Word {
  readonly to: KeyIntent;
  readonly asked: number;
  readonly heard: number;
}

/** What is wanted of a key after two words on it, the later of which was heard after the other. */
export function lastOf(earlier: Word, later: Word): KeyIntent {
  if (earlier.to === later.to) return later.to;
  // Both were under way at once, so L2 may have done either of them last.
  if (later.asked < earlier.heard) return removed;
  // What is there may be from before a change that is not known to be done: stale is not enough for it.
  return later.to === softened ? removed : later.to;
}

export function removedAll(keys: readonly string[]): Intent {
  return { kind: 'keys', keys: new Map(keys.map((key) => [key, removed])) };
}

/** What is left of it when only these keys of a batch failed. */
export function onlyOf(intent: Intent, failedKeys: readonly string[]): Intent {
  if (intent.kind !== 'keys' || failedKeys.length === 0) return intent;
  const failed = new Set(failedKeys);
  return { kind: 'keys', keys: new Map([...intent.keys].filter(([key]) => failed.has(key))) };
}

/** And of what was done. */
export function allBut(intent: Intent, failedKeys: readonly string[]): Intent | undefined {
  if (intent.kind !== 'keys' || failedKeys.length === 0) return undefined;
  const failed = new Set(failedKeys);
  return { kind: 'keys', keys: new Map([...intent.keys].filter(([key]) => !failed.has(key))) };
}

export function patternName({ prefix, glob }: { readonly prefix: string; readonly glob: string }): string {
  return `${prefix}\n${glob}`;
}
