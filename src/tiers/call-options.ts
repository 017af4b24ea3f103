import type { CallOptions, GetOrSetOptions, NamespaceOptions, OutagePolicy, ReadOptions, SetOptions } from '../cache.js';
import { type Duration, endingMs, finiteMs, nonNegativeMs, positiveMs } from '../duration.js';
import type { Life } from '../entries/entry.js';
import { ConfigError } from '../errors.js';

/** On what terms a call asks L2. */
export interface Terms {
  /** How long it may take in all, ms. */
  readonly budget: number;
  /** What the caller gets when L2 cannot be asked. */
  readonly outage: OutagePolicy;
}

/** How a value is kept fresh, all in ms. */
export interface Upkeep {
  /** How long a stale value serves at once. */
  readonly swr: number;
  /** How long callers wait where a stale value could stand in; `Infinity` for as long as for any. */
  readonly softTimeout: number;
  readonly hardTimeout: number;
  /** Of early refresh; 0 for none. */
  readonly beta: number;
  /** Undefined where `null` lives as long as any value. */
  readonly negativeTtl: number | undefined;
  readonly errorBackoff: number;
}

/** What calls use when they do not say otherwise, all in ms. */
export interface Defaults extends Required<Life>, Terms, Upkeep {
  /** The life that a read gives; undefined for none. */
  readonly sliding: number | undefined;
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
  'jitter',
  'forceFresh',
  'hardTimeout',
  'softTimeout',
  'swr',
  'earlyRefresh',
  'negativeTtl',
  'errorBackoff',
  'sliding',
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

/** What may be served stale for a while has to be kept so long. */
export function lifeIn(
  options: (SetOptions & { readonly swr?: Duration }) | undefined,
  defaults: Life & { readonly swr: number },
): Required<Life> {
  checkOptions(options);
  const ttl = given(options?.ttl, positiveMs, 'ttl', defaults.ttl);
  const grace = given(options?.grace, nonNegativeMs, 'grace', defaults.grace);
  const swr = given(options?.swr, nonNegativeMs, 'swr', defaults.swr);
  return { ttl, grace: Math.max(grace, swr), jitter: jitterIn(options, defaults.jitter ?? 0, ttl) };
}

function jitterIn(options: SetOptions | undefined, otherwise: number, ttl: number): number {
  const jitter = options?.jitter;
  if (jitter === undefined) return otherwise;
  const ms = endingMs(jitter, 'jitter');
  if (ms <= ttl) return ms;
  throw new ConfigError(`jitter must be at most the ttl, got ${ms} ms with a ttl of ${ttl} ms: it is taken from it.`);
}

export function upkeepIn(options: GetOrSetOptions | undefined, defaults: Upkeep): Upkeep {
  if (options === undefined) return defaults;
  checkOptions(options);
  const hardTimeout = given(options.hardTimeout, finiteMs, 'hardTimeout', defaults.hardTimeout);
  return {
    hardTimeout,
    softTimeout: softTimeoutIn(options, defaults.softTimeout, hardTimeout),
    swr: given(options.swr, nonNegativeMs, 'swr', defaults.swr),
    beta: options.earlyRefresh === undefined ? defaults.beta : betaIn(options.earlyRefresh),
    negativeTtl: given(options.negativeTtl, positiveMs, 'negativeTtl', defaults.negativeTtl),
    errorBackoff: given(options.errorBackoff, endingMs, 'errorBackoff', defaults.errorBackoff),
  };
}

function softTimeoutIn({ softTimeout }: GetOrSetOptions, otherwise: number, hardTimeout: number): number {
  if (softTimeout === undefined) return otherwise;
  const ms = nonNegativeMs(softTimeout, 'softTimeout');
  if (ms <= hardTimeout) return ms;
  throw new ConfigError(
    `softTimeout must be at most hardTimeout, got ${ms} ms with a hardTimeout of ${hardTimeout} ms: after that nobody waits.`,
  );
}

/** @throws ConfigError */
export function betaIn(earlyRefresh: unknown): number {
  if (earlyRefresh === false) return 0;
  if (earlyRefresh === true) return 1;
  const beta = (earlyRefresh as { readonly beta?: unknown } | null)?.beta;
  if (typeof beta === 'number' && Number.isFinite(beta) && beta > 0) return beta;
  throw new ConfigError(`earlyRefresh must be true, false or { beta } with a number above 0, got ${shownBeta(earlyRefresh)}.`);
}

function shownBeta(earlyRefresh: unknown): string {
  return typeof earlyRefresh === 'object' && earlyRefresh !== null && 'beta' in earlyRefresh
    ? `{ beta: ${String(earlyRefresh.beta)} }`
    : shown(earlyRefresh);
}

export function slidingIn(options: ReadOptions | undefined, defaults: Defaults): number | undefined {
  return options?.sliding === undefined ? defaults.sliding : finiteMs(options.sliding, 'sliding');
}

/** Of a namespace within. */
export function defaultsIn(options: NamespaceOptions, outer: Defaults): Defaults {
  return {
    ...termsIn(options, outer),
    ...lifeIn(options, outer),
    ...upkeepIn(options, outer),
    sliding: slidingIn(options, outer),
  };
}

function given<T>(value: Duration | undefined, convert: (value: Duration, name: string) => number, name: string, otherwise: T) {
  return value === undefined ? otherwise : convert(value, name);
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
