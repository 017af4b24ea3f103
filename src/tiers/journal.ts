import type { Clock } from '../clock.js';
import { compileGlob } from '../entries/glob.js';
import { type Label, spaceLabel } from '../entries/labels.js';
import { type Intent, type KeyIntent, patternName, softened } from './intent.js';
import { Recent } from './recent.js';

interface Held {
  readonly generation: number;
}

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
  readonly #keys = new Map<string, Held & { readonly to: KeyIntent }>();
  readonly #labels = new Map<Label, Held & { readonly soft: boolean }>();
  readonly #patterns = new Map<string, Held & Pattern>();
  readonly #recent: Recent;
  #everything: Held | undefined;
  #generation = 0;
  #since = 0;

  constructor(
    settings: JournalSettings,
    private readonly clock: Clock,
    private readonly told: JournalEvents,
  ) {
    this.#settings = settings;
    this.#recent = new Recent(settings.window, settings.maxNames);
  }

  /** Of the newest note; 0 before the first. */
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
    return this.size === 0 ? undefined : this.#since;
  }

  holds(key: string): boolean {
    if (this.#everything !== undefined || this.#keys.has(key)) return true;
    for (const { prefix, matches } of this.#patterns.values()) {
      if (key.startsWith(prefix) && matches(key.slice(prefix.length))) return true;
    }
    return false;
  }

  holdsLabel(label: Label): boolean {
    return this.#labels.has(label);
  }

  /** L2 has not acknowledged it, whatever it did. */
  note(intent: Intent): void {
    if (this.size === 0) this.#since = this.clock.now();
    this.#generation += 1;
    this.#hold(intent);
    if (this.size > this.#settings.maxNames) this.#holdEverything();
    this.told.noted();
  }

  /** L2 has acknowledged it by a request that was made when `before` was the generation. Says whether that settled anything. */
  acknowledged(intent: Intent, before: number): boolean {
    this.#recent.add(intent, this.clock.monotonic());
    return this.size > 0 && this.#settle(intent, before);
  }

  /** Another server answers from now on, which may not have what was acknowledged lately. */
  recall(): void {
    const recent = this.#recent.all(this.clock.monotonic());
    if (recent === 'too many') {
      this.#generation += 1;
      this.#holdEverything();
      this.told.noted();
    } else for (const intent of recent) this.note(intent);
  }

  /** All that it holds, in the order in which it is best sent: what settles most comes first. */
  intents(): Intent[] {
    if (this.#everything !== undefined) return [{ kind: 'everything' }];
    const labels = [...this.#labels];
    const withLabels = (soft: boolean): Intent[] => {
      const some = labels.filter(([, held]) => held.soft === soft).map(([label]) => label);
      return some.length === 0 ? [] : [{ kind: 'labels', labels: some, soft }];
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
    for (const [key, { to }] of this.#keys) {
      if (to === softened) yield { kind: 'key', key, to };
      else batch.set(key, to);
      if (batch.size < keysAtOnce) continue;
      yield { kind: 'keys', keys: batch };
      batch = new Map();
    }
    if (batch.size > 0) yield { kind: 'keys', keys: batch };
  }

  #hold(intent: Intent): void {
    const generation = this.#generation;
    if (this.#everything !== undefined || intent.kind === 'everything') {
      this.#holdEverything();
      return;
    }
    switch (intent.kind) {
      case 'key':
        this.#holdKey(intent.key, intent.to);
        break;
      case 'keys':
        for (const [key, to] of intent.keys) this.#holdKey(key, to);
        break;
      case 'labels':
        for (const label of intent.labels) {
          // What was to be gone is not made to be stale only.
          const soft = intent.soft && this.#labels.get(label)?.soft !== false;
          this.#labels.set(label, { generation, soft });
        }
        break;
      case 'pattern':
        this.#patterns.set(patternName(intent), { generation, ...intent, matches: compileGlob(intent.glob) });
        // Each read is matched with every one of them.
        if (this.#patterns.size > mostPatterns) this.#holdEverything();
    }
  }

  #holdKey(key: string, to: KeyIntent): void {
    const held = this.#keys.get(key);
    // What is there may be from before a change that is not acknowledged: stale is not enough for it.
    const reached = to === softened && held !== undefined && held.to !== softened ? '' : to;
    this.#keys.set(key, { generation: this.#generation, to: reached });
  }

  #holdEverything(): void {
    if (this.#everything === undefined) this.told.overflowed();
    this.#keys.clear();
    this.#labels.clear();
    this.#patterns.clear();
    this.#everything = { generation: this.#generation };
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

interface Pattern {
  readonly prefix: string;
  readonly glob: string;
  readonly matches: (rest: string) => boolean;
}

const mostPatterns = 100;
/** In one request: few enough not to hold up the server, or the rest of what is sent. */
const keysAtOnce = 500;
const wholeCache = spaceLabel('');
