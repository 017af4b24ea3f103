import { z } from 'zod';
import { ConfigError } from '../errors.js';
import { checkOptions, configError, must, problemsOf } from './check.js';
import { tlsProblems } from './redis-options.js';
import { type Variable, variables } from './variables.js';

/** Options of `.env()`. */
export interface EnvOptions {
  /** Put before every variable's name: with `'SHOP_'`, `SHOP_REDIS_URL` is read and `REDIS_URL` is not. Default none. */
  readonly prefix?: string | undefined;
}

/** Variables by name, as `process.env` has them. One that is empty counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

type Found<Group> = { readonly [Name in keyof Group]?: Group[Name] extends Variable<infer T> ? T : never };
type Groups = typeof variables;

/** What the environment says; what it is silent about is not there. `redis` is undefined when it asks for no L2 tier. */
export interface EnvironmentSettings extends Omit<{ readonly [Name in keyof Groups]: Found<Groups[Name]> }, 'redis'> {
  readonly redis: Found<Groups['redis']> | undefined;
}

/**
 * Reads the settings of a cache from the environment. The variables of Redis are looked at only if Redis is the backend, since
 * others set them too (Kubernetes: `REDIS_PORT=tcp://…`).
 * @throws ConfigError that lists every bad variable
 */
export function readEnvironment(env: Environment, given: unknown = {}): EnvironmentSettings {
  if (typeof env !== 'object' || env === null) {
    throw new ConfigError('env() takes variables by name, as process.env has them: .env(process.env).');
  }
  const { prefix = '' } = checkOptions('env', envOptions, given);
  const problems: string[] = [];
  const read = <Name extends keyof Groups>(name: Name) => readGroup(variables[name], env, prefix, problems);
  const found = {
    general: read('general'),
    settings: read('settings'),
    memory: read('memory'),
    circuitBreaker: read('circuitBreaker'),
  };
  const asked = env[`${prefix}CACHE_BACKEND`] || 'whatever is there';
  const place = env[`${prefix}REDIS_URL`] || env[`${prefix}REDIS_HOST`];
  if (asked === 'redis' && !place) {
    problems.push(`${prefix}CACHE_BACKEND is 'redis', so ${prefix}REDIS_URL or ${prefix}REDIS_HOST must say where it is.`);
  }
  // Also when the backend is misspelt: what else is wrong shall be told at once.
  if (asked === 'memory' || (asked !== 'redis' && !place)) return settled({ ...found, redis: undefined }, problems);

  const redis = read('redis');
  problems.push(...tlsProblems(redis, `${prefix}REDIS_TLS`, `${prefix}REDIS_URL`));
  return settled({ ...found, redis }, problems);
}

const prefixRule = must('prefix', "text of A-Z, a-z, 0-9 and '_'");
const envOptions = z.strictObject({
  prefix: z.string(prefixRule).regex(/^\w*$/, prefixRule).optional(),
});

function readGroup<Group extends Readonly<Record<string, Variable>>>(
  group: Group,
  env: Environment,
  prefix: string,
  problems: string[],
): Found<Group> {
  const found: Record<string, unknown> = {};
  for (const [setting, [variable, field]] of Object.entries(group)) {
    const name = prefix + variable;
    const text = env[name];
    if (text === undefined || text === '') continue;
    const result = field(name).safeParse(String(text));
    if (result.success) found[setting] = result.data;
    else problems.push(...problemsOf(result.error));
  }
  return found as Found<Group>;
}

function settled(found: EnvironmentSettings, problems: readonly string[]): EnvironmentSettings {
  if (problems.length > 0) throw configError('The environment', problems);
  return found;
}
