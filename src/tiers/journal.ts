import type { Clock } from '../clock.js';
import { compileGlob } from '../entries/glob.js';
import { type Label, spaceLabel } from '../entries/labels.js';
import type { Affected } from '../store.js';
import { type Intent, type KeyIntent, lastOf, patternName, removed, softened, type Word } from './intent.js';
import { Recent } from './recent.js';

interface Held {
  readonly generation: number;
  /** When it was noted first, ms since the epoch. */
  readonly since: number;
}

type HeldKey = Held & Word;

export interface JournalSettings {
  /** So many names at most. With more the whole cache is invalidated instead. */
  readonly maxNames: number;
  /** How long what was acknowledged is kept for a server that may not have it, ms. */
  readonly window: number;
}

export interface JournalEvents {
  noted(): void;
  overflowed(): void;
}

/**
 * The names of what this process changed without an acknowledgement by L2: not what they were changed to, which somebody else may have changed
 * since. What has a name in it is not read from L2, whether the circuit is open or closed, until L2 has acknowledged that it is gone there.
 *
 * Each name has a generation, so that an acknowledgement settles only what was wanted before its request was made.
 */
export class Journal {
  readonly #settings: JournalSettings;
  readonly #keys = new Map<string, HeldKey>();
  readonly #labels = new Map<Label, Held & { readonly soft: boolean }>();
  readonly #patterns = new Map<string, Held & Pattern>();
  readonly #recent: Recent;
  #everything: Held | undefined;
  #generation = 0;
  /** The generation as of which another server answers: what was asked before may have been acknowledged by the one before it. */
  #recalledAt = 0;

  constructor(
    settings: JournalSettings,
    private readonly clock: Clock,
    private readonly told: JournalEvents,
  ) {
    this.#settings = settings;
    this.#recent = new Recent(settings.window, settings.maxNames);
  }

  /** Grows with all that is noted or acknowledged. */
  get generation(): number {
    return this.#generation;
  }

  /** How many names it holds. */
  get size(): number {
    return this.#everything === undefined ? this.#keys.size + this.#labels.size + this.#patterns.size : 1;
  }

  /** More was noted than it may hold, so it holds everything there is. */
  get overflowed(): boolean {
    return this.#everything !== undefined;
  }

  /** When the oldest was noted, ms since the epoch; undefined when it is empty. */
  get since(): number | undefined {
    // A name that is noted again keeps its place, so the oldest of each kind is its first.
    const oldest = [firstOf(this.#keys), firstOf(this.#labels), firstOf(this.#patterns), this.#everything];
    const moments = oldest.flatMap((held) => held?.since ?? []);
    return moments.length === 0 ? undefined : Math.min(...moments);
  }

  holds(key: string): boolean {
    if (this.#everything !== undefined || this.#keys.has(key)) return true;
    for (const { prefix, matches } of this.#patterns.values()) {
      if (key.startsWith(prefix) && matches(key.slice(prefix.length))) return true;
    }
    return false;
  }

  holdsLabel(label: Label): boolean {
    return this.#everything !== undefined || this.#labels.has(label);
  }

  /** L2 has not acknowledged it, whatever it did when it was asked, which was when `before` was the generation. */
  note(intent: Intent, before = this.#generation): void {
    this.#generation += 1;
    this.#note(intent, before);
  }

  /** L2 has acknowledged it by a request that was made when `before` was the generation. Says whether that settled anything. */
  acknowledged(intent: Intent, before: number): boolean {
    this.#generation += 1;
    this.#recent.add(intent, this.clock.monotonic(), before, this.#generation);
    if (before < this.#recalledAt) {
      this.#note(intent, before);
      return false;
    }
    return this.size > 0 && this.#settle(intent, before);
  }

  /** Another server answers from now on for these, which may not have what was acknowledged lately. Says what that was. */
  recall(affected: Affected = allThereIs): readonly Intent[] {
    const recent = this.#recent.all(this.clock.monotonic());
    this.#generation += 1;
    this.#recalledAt = this.#generation;
    if (recent === 'too many') {
      this.#holdEverything();
      this.told.noted();
      return [{ kind: 'everything' }];
    }
    const words = new Map([...recent.words].filter(([key]) => affected.key(key)));
    const others = recent.others.flatMap((intent) => concerning(intent, affected));
    for (const intent of others) this.#note(intent, this.#generation);
    if (words.size === 0) return others;
    if (this.#everything === undefined) for (const [key, word] of words) this.#holdWord(key, word);
    this.#limit();
    this.told.noted();
    return [...others, { kind: 'keys', keys: new Map(Array.from(words, ([key, { to }]) => [key, to])) }];
  }

  /** All that it holds, in the order in which it is best sent: what settles most comes first. */
  intents(): Intent[] {
    if (this.#everything !== undefined) return [{ kind: 'everything' }];
    const labels = [...this.#labels];
    const withLabels = (soft: boolean): Intent[] => {
      const some = labels.filter(([, held]) => held.soft === soft).map(([label]) => label);
      return inBatches(some).map((batch) => ({ kind: 'labels', labels: batch, soft }));
    };
    return [
      ...withLabels(false),
      ...withLabels(true),
      ...Array.from(this.#patterns.values(), ({ prefix, glob }): Intent => ({ kind: 'pattern', prefix, glob })),
      ...this.#keyIntents(),
    ];
  }

  *#keyIntents(): Generator<Intent> {
    let batch = new Map<string, KeyIntent>();
    let alone = 0;
    for (const [key, { to }] of this.#keys) {
      if (to === softened && alone < mostAlone) {
        alone += 1;
        yield { kind: 'key', key, to };
      } else batch.set(key, to === softened ? removed : to);
      if (batch.size < namesAtOnce) continue;
      yield { kind: 'keys', keys: batch };
      batch = new Map();
    }
    if (batch.size > 0) yield { kind: 'keys', keys: batch };
  }

  #note(intent: Intent, asked: number): void {
    this.#hold(intent, asked);
    this.#limit();
    this.told.noted();
  }

  #limit(): void {
    if (this.size > this.#settings.maxNames) this.#holdEverything();
  }

  #hold(intent: Intent, asked: number): void {
    const heard = this.#generation;
    if (this.#everything !== undefined || intent.kind === 'everything') {
      this.#holdEverything();
      return;
    }
    switch (intent.kind) {
      case 'key':
        this.#holdWord(intent.key, { to: intent.to, asked, heard });
        break;
      case 'keys':
        for (const [key, to] of intent.keys) this.#holdWord(key, { to, asked, heard });
        break;
      case 'labels':
        for (const label of intent.labels) {
          // What was to be gone is not made to be stale only.
          const held = this.#labels.get(label);
          this.#labels.set(label, { ...this.#heldNow(held), soft: intent.soft && held?.soft !== false });
        }
        break;
      case 'pattern': {
        const name = patternName(intent);
        const held = this.#heldNow(this.#patterns.get(name));
        this.#patterns.set(name, { ...held, ...intent, matches: compileGlob(intent.glob) });
        // Each read is matched with every one of them.
        if (this.#patterns.size > mostPatterns) this.#holdEverything();
      }
    }
  }

  #heldNow(before: Held | undefined): Held {
    return { generation: this.#generation, since: before?.since ?? this.clock.now() };
  }

  #holdWord(key: string, word: Word): void {
    const held = this.#keys.get(key);
    const [earlier, later] = held !== undefined && held.heard > word.heard ? [word, held] : [held, word];
    const to = earlier === undefined ? later.to : lastOf(earlier, later);
    this.#keys.set(key, { ...this.#heldNow(held), to, asked: later.asked, heard: later.heard });
  }

  #holdEverything(): void {
    if (this.#everything === undefined) this.told.overflowed();
    const since = this.since ?? this.clock.now();
    this.#keys.clear();
    this.#labels.clear();
    this.#patterns.clear();
    this.#everything = { generation: this.#generation, since };
  }

  #settle(intent: Intent, before: number): boolean {
    const had = this.size;
    const isOlder = (held: Held | undefined) => held !== undefined && held.generation <= before;
    const settleKey = (key: string, to: KeyIntent) => {
      const held = this.#keys.get(key);
      if (isOlder(held) && (to !== softened || held?.to === softened)) this.#keys.delete(key);
    };
    switch (intent.kind) {
      case 'key':
        settleKey(intent.key, intent.to);
        break;
      case 'keys':
        for (const [key, to] of intent.keys) settleKey(key, to);
        break;
      case 'labels':
        for (const label of intent.labels) {
          const held = this.#labels.get(label);
          if (isOlder(held) && (!intent.soft || held?.soft)) this.#labels.delete(label);
        }
        if (!intent.soft && intent.labels.includes(wholeCache)) this.#settleEverything(isOlder);
        break;
      case 'pattern':
        if (isOlder(this.#patterns.get(patternName(intent)))) this.#patterns.delete(patternName(intent));
        break;
      case 'everything':
        this.#settleEverything(isOlder);
    }
    return this.size < had;
  }

  #settleEverything(isOlder: (held: Held | undefined) => boolean): void {
    const settleAll = <Name>(names: Map<Name, Held>) => {
      for (const [name, held] of names) if (isOlder(held)) names.delete(name);
    };
    settleAll(this.#keys);
    settleAll(this.#labels);
    settleAll(this.#patterns);
    if (isOlder(this.#everything)) this.#everything = undefined;
  }
}

const allThereIs: Affected = { key: () => true, label: () => true };

/** What a pattern matches may be anywhere. */
function concerning(intent: Intent, affected: Affected): readonly Intent[] {
  if (intent.kind !== 'labels') return [intent];
  const labels = intent.labels.filter((label) => affected.label(label));
  return labels.length === 0 ? [] : [{ ...intent, labels }];
}

interface Pattern {
  readonly prefix: string;
  readonly glob: string;
  readonly matches: (rest: string) => boolean;
}

function firstOf(names: ReadonlyMap<string, Held>): Held | undefined {
  for (const held of names.values()) return held;
  return undefined;
}

function inBatches(labels: readonly Label[]): Label[][] {
  return Array.from({ length: Math.ceil(labels.length / namesAtOnce) }, (_, batch) =>
    labels.slice(batch * namesAtOnce, (batch + 1) * namesAtOnce),
  );
}

const mostPatterns = 100;
/** In one request: few enough for it to be answered in time, and not to hold up the server or the rest of what is sent. */
const namesAtOnce = 500;
/** To make a key stale is a request of its own. Of more than so many nothing is left to stand in: the others must not wait for them. */
const mostAlone = 100;
const wholeCache = spaceLabel('');
