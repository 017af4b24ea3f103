import { z } from 'zod';
import { ConfigError } from '../errors.js';
import { nearest } from './nearest.js';
import { isPlainObject, shown } from './shown.js';

/** What people write that has another name or place here. */
const elsewhere: Readonly<Record<string, string>> = {
  keyPrefix: "The key prefix is the cache's name: cacheBuilder('shop').",
  prefix: "The key prefix is the cache's name: cacheBuilder('shop').",
  commandTimeout: "What a call may wait for Redis is .budget('500ms').",
  socketTimeout: "What a call may wait for Redis is .budget('500ms').",
  ttl: "It is a step of its own: .ttl('5m').",
  maxSize: "Did you mean 'maxBytes'?",
  nodes: 'A Redis Cluster has a step of its own: .cluster({ nodes }).',
  sentinels: 'Redis Sentinel has a step of its own: .sentinel({ name, sentinels }).',
  url: 'A single address is for .redis(); here it is a list.',
  host: 'A single address is for .redis(); here it is a list.',
  port: 'A single address is for .redis(); here it is a list.',
  db: 'A Cluster has database 0 only.',
  rootNodes: "Did you mean 'nodes'?",
  sentinelRootNodes: "Did you mean 'sentinels'?",
  nodeAddressMap: "Did you mean 'natMap'?",
};

/**
 * Checks the options of one step. Everything that is wrong with them comes in one error.
 * @throws ConfigError
 */
export function checkOptions<Shape extends z.core.$ZodShape>(
  step: string,
  options: z.ZodObject<Shape>,
  given: unknown,
  hint = '',
): z.output<z.ZodObject<Shape>> {
  if (!isPlainObject(given)) throw new ConfigError(`${step}() takes an object of options, got ${kindOf(given)}.${hint}`);
  // An option that is there but undefined is one that was not given: it must not hide an earlier step's.
  const result = options.safeParse(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
  if (result.success) return result.data;
  throw configError(`${step}()`, problemsOf(result.error, Object.keys(options.shape)));
}

/** @throws ConfigError */
export function checkValue<T>(schema: z.ZodType<T>, given: unknown): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigError(problemsOf(result.error).join(' '));
}

export function configError(where: string, problems: readonly string[]): ConfigError {
  if (problems.length === 1) return new ConfigError(`${where}: ${problems[0]}`);
  return new ConfigError(`${where}: ${problems.length} things are wrong.\n${problems.map((text) => `- ${text}`).join('\n')}`);
}

export function problemsOf(error: z.ZodError, known: readonly string[] = []): string[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => unknownOption(key, known)) : [issue.message],
  );
}

function unknownOption(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const mend = elsewhere[key] ?? (near === undefined ? `There are ${known.join(', ')}.` : `Did you mean '${near}'?`);
  return `the option '${key}' is unknown. ${mend}`;
}

/** Never the text itself: it may be a URL with a password, given where an object was expected. */
function kindOf(given: unknown): string {
  return typeof given === 'string' ? 'a string' : shown(given);
}

type ErrorOf = { readonly error: (issue: { readonly input?: unknown }) => string };

/** For zod's `error`: what was expected, and what was given instead. */
export function must(name: string, expected: string): ErrorOf {
  return { error: ({ input }) => `${name} must be ${expected}, got ${shown(input)}.` };
}

/** The same for what may be a secret: what was given is not told. */
export function mustSecretly(name: string, expected: string): ErrorOf {
  return { error: () => `${name} must be ${expected}.` };
}

/** A value that another function checks and converts; the `ConfigError` it throws is the problem's text. */
export function convertedBy<Given, T>(convert: (given: Given) => T) {
  return z.unknown().transform((given, context): T => {
    try {
      return convert(given as Given);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      context.issues.push({ code: 'custom', message: error.message, input: given });
      return z.NEVER;
    }
  });
}

export function wholeNumber(name: string, least: number, most: number) {
  const wrong = must(name, `a whole number from ${least} to ${most}`);
  return z.int(wrong).min(least, wrong).max(most, wrong);
}

/** An object with these methods, whatever else it is. */
export function objectWith<T>(name: string, methods: readonly (keyof T & string)[]) {
  const missing = (given: unknown) => methods.filter((method) => typeof Object(given)[method] !== 'function');
  return z.custom<T>((given) => missing(given).length === 0, {
    error: ({ input }) => `${name} takes an object with ${calls(methods)}; ${kindOf(input)} has no ${calls(missing(input))}.`,
  });
}

function calls(methods: readonly string[]): string {
  return methods.map((method) => `${method}()`).join(', ');
}
