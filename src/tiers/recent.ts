import type { Label } from '../entries/labels.js';
import { type Intent, type KeyIntent, patternName, softened } from './intent.js';

/** What L2 acknowledged within a quarter of the window. */
interface Bucket {
  readonly since: number;
  readonly keys: Map<string, KeyIntent>;
  readonly labels: Map<Label, boolean>;
  readonly patterns: Map<string, Intent>;
  /** So much was acknowledged that it was not all kept. */
  overflowed: boolean;
}

const buckets = 4;

/**
 * What L2 acknowledged lately, by name: a replica that is made master may not have heard of it. In buckets of time, so that to remember is
 * one step and to forget costs nothing.
 */
export class Recent {
  #buckets: Bucket[] = [];

  constructor(
    /** How long it is kept at least, ms; a quarter more at most. */
    private readonly window: number,
    private readonly maxNames: number,
  ) {}

  add(intent: Intent, now: number): void {
    const bucket = this.#current(now);
    if (bucket.overflowed) return;
    switch (intent.kind) {
      case 'key':
        addKey(bucket, intent.key, intent.to);
        break;
      case 'keys':
        for (const [key, to] of intent.keys) addKey(bucket, key, to);
        break;
      case 'labels':
        for (const label of intent.labels) bucket.labels.set(label, intent.soft && bucket.labels.get(label) !== false);
        break;
      case 'pattern':
        bucket.patterns.set(patternName(intent), intent);
        break;
      case 'everything':
        bucket.overflowed = true;
    }
    if (sizeOf(bucket) > this.maxNames / buckets) bucket.overflowed = true;
    if (!bucket.overflowed) return;
    bucket.keys.clear();
    bucket.labels.clear();
    bucket.patterns.clear();
  }

  /** Oldest first, so that of two words on one name the newer is the last. */
  all(now: number): Intent[] | 'too many' {
    this.#forget(now);
    if (this.#buckets.some(({ overflowed }) => overflowed)) return 'too many';
    return this.#buckets.flatMap(intentsOf);
  }

  #current(now: number): Bucket {
    const newest = this.#buckets.at(-1);
    if (newest !== undefined && now - newest.since < this.window / buckets) return newest;
    this.#forget(now);
    const bucket = { since: now, keys: new Map(), labels: new Map(), patterns: new Map(), overflowed: false };
    this.#buckets.push(bucket);
    return bucket;
  }

  #forget(now: number): void {
    const oldest = now - this.window - this.window / buckets;
    while (this.#buckets.length > 0 && (this.#buckets[0] as Bucket).since <= oldest) this.#buckets.shift();
  }
}

/** What was removed and then made stale is still to be removed. */
function addKey({ keys }: Bucket, key: string, to: KeyIntent): void {
  if (to === softened && keys.has(key) && keys.get(key) !== softened) keys.set(key, '');
  else keys.set(key, to);
}

function intentsOf({ keys, labels, patterns }: Bucket): Intent[] {
  const intents: Intent[] = [...patterns.values()];
  if (keys.size > 0) intents.push({ kind: 'keys', keys });
  for (const [label, soft] of labels) intents.push({ kind: 'labels', labels: [label], soft });
  return intents;
}

function sizeOf({ keys, labels, patterns }: Bucket): number {
  return keys.size + labels.size + patterns.size;
}
