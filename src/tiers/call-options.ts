import type { CallOptions, GetOrSetOptions, NamespaceOptions, OutagePolicy, SetOptions } from '../cache.js';
import { finiteMs, nonNegativeMs, positiveMs } from '../duration.js';
import type { Life } from '../entries/entry.js';
import { ConfigError } from '../errors.js';

/** On what terms a call asks L2. */
export interface Terms {
  /** How long it may take in all, ms. */
  readonly budget: number;
  /** What the caller gets when L2 cannot be asked. */
  readonly outage: OutagePolicy;
}

/** What calls use when they do not say otherwise, all in ms. */
export interface Defaults extends Life, Terms {
  readonly hardTimeout: number;
}

const outagePolicies = ['serve', 'source', 'throw'] as const satisfies readonly OutagePolicy[];

/** Of all calls together: one object of options may serve several calls. */
const knownOptions = new Set<string>([
  'budget',
  'outage',
  'ttl',
  'grace',
  'tags',
  'soft',
  'physical',
  'forceFresh',
  'hardTimeout',
  'signal',
]);

/**
 * A TTL given as a bare third argument, as other caches take it, or a misspelt one would be lost without a word.
 * @throws ConfigError
 */
function checkOptions(options: object | undefined): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(
      `A call takes an object of options as its last argument, such as { ttl: '5m' }; got ${String(options)}.`,
    );
  }
  for (const name in options) {
    if (!knownOptions.has(name)) {
      throw new ConfigError(`The option '${name}' is unknown. There are ${[...knownOptions].join(', ')}.`);
    }
  }
}

export function termsIn(options: CallOptions | undefined, defaults: Terms): Terms {
  if (options === undefined) return defaults;
  checkOptions(options);
  const { budget, outage } = options;
  return {
    budget: budget === undefined ? defaults.budget : finiteMs(budget, 'budget'),
    outage: outage === undefined ? defaults.outage : outagePolicyIn(outage),
  };
}

/** @throws ConfigError */
export function outagePolicyIn(given: unknown): OutagePolicy {
  const policy = outagePolicies.find((known) => known === given);
  if (policy !== undefined) return policy;
  throw new ConfigError(`outage must be 'serve', 'source' or 'throw', got ${shown(given)}.`);
}

export function lifeIn(options: SetOptions | undefined, { ttl, grace }: Life): Life {
  checkOptions(options);
  return {
    ttl: options?.ttl === undefined ? ttl : positiveMs(options.ttl, 'ttl'),
    grace: options?.grace === undefined ? grace : nonNegativeMs(options.grace, 'grace'),
  };
}

/** What calls through a namespace use. */
export function defaultsIn(options: NamespaceOptions, defaults: Defaults): Defaults {
  const life = { ttl: options.ttl ?? defaults.ttl, grace: options.grace ?? defaults.grace };
  return { ...defaults, ...lifeIn(life, defaults), outage: options.outage ?? defaults.outage };
}

/** How a caller of `getOrSet` asks, and how long it waits. */
export interface Asking {
  readonly forced: boolean;
  /** ms. */
  readonly hardTimeout: number;
  readonly signal: AbortSignal | undefined;
}

export function askingIn(options: GetOrSetOptions | undefined, defaults: Defaults): Asking {
  return {
    forced: options?.forceFresh === true,
    hardTimeout: options?.hardTimeout === undefined ? defaults.hardTimeout : finiteMs(options.hardTimeout, 'hardTimeout'),
    signal: signalIn(options),
  };
}

export function signalIn(options: CallOptions | undefined): AbortSignal | undefined {
  const signal = options?.signal;
  if (signal === undefined) return undefined;
  if (typeof signal?.addEventListener !== 'function') {
    throw new ConfigError(
      'signal must be an AbortSignal, such as AbortSignal.timeout(1_000) or the signal of an AbortController.',
    );
  }
  signal.throwIfAborted();
  return signal;
}

/** The keys of a batch, each once. A string is iterable too, but its letters are not what anybody means. */
export function keysIn(call: string, keys: Iterable<string>): string[] {
  return [...new Set(listed(call, keys, "a list of keys, such as ['user:1', 'user:2']"))];
}

/** The entries of a batch. */
export function entriesIn<Pair extends readonly [string, unknown, SetOptions?]>(call: string, entries: Iterable<Pair>): Pair[] {
  const wanted = "a list of [key, value] pairs or a Map, such as [['user:1', ada]]";
  const list = [...listed(call, entries, wanted)];
  for (const pair of list) {
    if (!Array.isArray(pair) || pair.length < 2)
      throw new ConfigError(`${call}() takes ${wanted}; one of them is ${shown(pair)}.`);
  }
  return list;
}

function listed<T>(call: string, list: Iterable<T>, wanted: string): Iterable<T> {
  if (typeof list === 'object' && list !== null && typeof list[Symbol.iterator] === 'function') return list;
  throw new ConfigError(`${call}() takes ${wanted}; got ${shown(list)}.`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : Object.prototype.toString.call(value).slice(8, -1);
}
