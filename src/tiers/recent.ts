import type { Label } from '../entries/labels.js';
import { type Intent, lastOf, patternName, type Word } from './intent.js';

/** What L2 acknowledged within a quarter of the window. */
interface Bucket {
  readonly since: number;
  readonly keys: Map<string, Word>;
  readonly labels: Map<Label, boolean>;
  readonly patterns: Map<string, Intent>;
  /** So much was acknowledged that it was not all kept. */
  overflowed: boolean;
}

export interface Remembered {
  readonly words: ReadonlyMap<string, Word>;
  /** Of what is not one key. */
  readonly others: readonly Intent[];
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

  /** Asked for and heard of in the order of all that was. */
  add(intent: Intent, now: number, asked: number, heard: number): void {
    const bucket = this.#current(now);
    if (bucket.overflowed) return;
    switch (intent.kind) {
      case 'key':
        addWord(bucket.keys, intent.key, { to: intent.to, asked, heard });
        break;
      case 'keys':
        for (const [key, to] of intent.keys) addWord(bucket.keys, key, { to, asked, heard });
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

  all(now: number): Remembered | 'too many' {
    this.#forget(now);
    if (this.#buckets.some(({ overflowed }) => overflowed)) return 'too many';
    const words = new Map<string, Word>();
    for (const { keys } of this.#buckets) for (const [key, word] of keys) addWord(words, key, word);
    return { words, others: this.#buckets.flatMap(othersOf) };
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

function addWord(words: Map<string, Word>, key: string, word: Word): void {
  const earlier = words.get(key);
  words.set(key, earlier === undefined ? word : { ...word, to: lastOf(earlier, word) });
}

function othersOf({ labels, patterns }: Bucket): Intent[] {
  const intents: Intent[] = [...patterns.values()];
  for (const [label, soft] of labels) intents.push({ kind: 'labels', labels: [label], soft });
  return intents;
}

function sizeOf({ keys, labels, patterns }: Bucket): number {
  return keys.size + labels.size + patterns.size;
}
