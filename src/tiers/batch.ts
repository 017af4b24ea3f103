import { AsyncResource } from 'node:async_hooks';
import type { Entry } from '../entries/entry.js';
import { InvalidValueError } from '../errors.js';
import type { BatchFactory, BatchValues, Factory, FactoryContext } from '../factory.js';
import { noteWait } from './circular-loads.js';
import type { Flight } from './flight.js';

export type Outcome = { readonly state: 'loaded' | 'missing' } | { readonly state: 'failed'; readonly error: unknown };

/** So many loads of a batch use L2 at once: what they ask for in one turn is one round trip per node. */
export const atOnce = 500;

/** A load that wants its value from the batch. */
interface Asked {
  readonly context: FactoryContext;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Many loads with one factory. Each is a load as any other, with its own ticket, lease and fill; only the runs of their factories are put together:
 * the factory runs once no load is left that might still want it, which those do not that found a value or wait for another process.
 */
export class Batch {
  readonly #factory: BatchFactory<unknown>;
  readonly #flights = new Map<string, Flight>();
  /** Loads of which it is not known whether they will ask. */
  readonly #undecided = new Set<string>();
  #allBegun = false;
  #whenDecided: (() => void) | undefined;
  #asked = new Map<string, Asked>();
  #leader: Flight | undefined;
  #runAsLeader: (() => void) | undefined;

  constructor(
    factory: BatchFactory<unknown>,
    /** Told of each key what the factory did: it made a value, or has none, or failed. */
    private readonly onRun?: (key: string, outcome: Outcome) => void,
  ) {
    this.#factory = factory;
  }

  /** Begins a load of the key. */
  load(key: string, start: (factory: Factory<unknown>, onWaiting: (waits: boolean) => void) => Flight): Flight {
    this.#undecided.add(key);
    const flight = start(
      (context) => this.#ask(key, context),
      (waits) => {
        if (waits) this.#decided(key);
        // Of many that wait for other processes there is always one that looks again: those who have asked already must not wait for each of them.
        else if (this.#allBegun && this.#asked.size === 0) this.#undecided.add(key);
      },
    );
    this.#flights.set(key, flight);
    const over = () => this.#decided(key);
    flight.done.then(over, over);
    return flight;
  }

  /** When it is known of all loads that have begun whether they will ask. */
  decided(): Promise<void> {
    if (this.#undecided.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenDecided = resolve;
    });
  }

  /** No further load will begin: before this the factory does not run. */
  allBegun(): void {
    this.#allBegun = true;
    if (this.#undecided.size === 0) this.#runAsLeader?.();
  }

  #ask(key: string, context: FactoryContext): Promise<unknown> {
    const asked = new Promise((resolve, reject) => this.#asked.set(key, { context, resolve, reject }));
    const flight = this.#flights.get(key);
    // The factory runs on behalf of the first: so whoever it waits for in turn is known to wait for all of them.
    if (this.#leader === undefined) {
      this.#leader = flight;
      this.#runAsLeader = AsyncResource.bind(() => void this.#run());
    } else noteWait(this.#leader, asked);
    this.#decided(key);
    return asked;
  }

  #decided(key: string): void {
    this.#undecided.delete(key);
    if (this.#undecided.size > 0) return;
    this.#whenDecided?.();
    if (this.#allBegun) this.#runAsLeader?.();
  }

  async #run(): Promise<void> {
    // In the order of the call.
    const asked = new Map<string, Asked>();
    for (const key of this.#flights.keys()) {
      const one = this.#asked.get(key);
      if (one !== undefined) asked.set(key, one);
    }
    this.#asked = new Map();
    this.#leader = undefined;
    this.#runAsLeader = undefined;
    const keys = [...asked.keys()];
    const skipped = new Set<string>();
    const [first] = asked.values();
    const { signal } = (first as Asked).context;
    let values: ReadonlyMap<string, unknown>;
    try {
      // While it was waited for the others: nobody would wait for it.
      signal.throwIfAborted();
      const factory = this.#factory;
      const made = await factory(keys, {
        signal,
        stale: new Map(Array.from(asked, ([key, { context }]) => [key, context.stale] as const).filter(isThere)),
        setOptions: (key, options) => contextOf(asked, key).setOptions(options),
        skip: (key) => skipped.add(contextOf(asked, key).key),
      });
      values = valuesOf(keys, made);
    } catch (error) {
      await this.#settle(asked, (key, { reject }) => {
        this.onRun?.(key, { state: 'failed', error });
        reject(error);
      });
      return;
    }
    await this.#settle(asked, (key, { context, resolve }) => {
      const value = values.get(key);
      this.onRun?.(key, { state: value === undefined ? 'missing' : 'loaded' });
      resolve(skipped.has(key) ? context.skip(value) : value);
    });
  }

  /** So many, and the next when those are stored: all of many thousands would keep the process from reading what L2 replies. */
  async #settle(asked: ReadonlyMap<string, Asked>, settle: (key: string, asked: Asked) => void): Promise<void> {
    let pending: Promise<unknown>[] = [];
    for (const [key, one] of asked) {
      settle(key, one);
      pending.push(this.#flights.get(key)?.done as Promise<unknown>);
      if (pending.length < atOnce) continue;
      await Promise.allSettled(pending);
      pending = [];
    }
  }
}

function isThere(pair: readonly [string, Entry | undefined]): pair is [string, Entry] {
  return pair[1] !== undefined;
}

function contextOf(asked: ReadonlyMap<string, Asked>, key: string): FactoryContext {
  const found = asked.get(key);
  if (found !== undefined) return found.context;
  throw new InvalidValueError(`The batch factory named '${String(key)}', for which it was not asked.`);
}

function valuesOf(keys: readonly string[], made: BatchValues<unknown>): ReadonlyMap<string, unknown> {
  if (Array.isArray(made)) {
    if (made.length === keys.length) return new Map(keys.map((key, index) => [key, made[index]]));
    throw new InvalidValueError(
      `A batch factory that returns an array returns a value for each key, undefined where there is none: it was asked for ${keys.length} and returned ${made.length}.`,
    );
  }
  if (!(made instanceof Map)) {
    throw new InvalidValueError('A batch factory returns a Map by key, or an array in the order of the keys.');
  }
  const wanted = new Set(keys);
  for (const key of made.keys()) {
    if (wanted.has(key)) continue;
    throw new InvalidValueError(
      `The batch factory returned '${String(key)}', for which it was not asked. Return the values of the keys that it is given.`,
    );
  }
  return made;
}
