import { z } from 'zod';
import { ConfigError } from '../errors.js';
import { checkOptions, configError, must } from './check.js';
import { readTopology } from './environment-topology.js';
import type { TopologySettings } from './topology.js';
import { type Environment, type Found, VariableReader } from './variable-groups.js';

export type { Environment } from './variable-groups.js';

/** Options of `.env()`. */
export interface EnvOptions {
  /** Put before every variable's name: with `'SHOP_'`, `SHOP_REDIS_URL` is read and `REDIS_URL` is not. Default none. */
  readonly prefix?: string | undefined;
}

/** What the environment says. `l2` is undefined when it asks for no L2 tier. */
export interface EnvironmentSettings {
  readonly general: Found<'general'>;
  readonly settings: Found<'settings'>;
  readonly memory: Found<'memory'>;
  readonly circuitBreaker: Found<'circuitBreaker'>;
  readonly retry: Found<'retry'>;
  readonly journal: Found<'journal'>;
  readonly l2: TopologySettings | undefined;
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
  const reader = new VariableReader(env, prefix);
  const found = {
    general: reader.read('general'),
    settings: reader.read('settings'),
    memory: reader.read('memory'),
    circuitBreaker: reader.read('circuitBreaker'),
    retry: reader.read('retry'),
    journal: reader.read('journal'),
    l2: readTopology(reader),
  };
  if (reader.problems.length > 0) throw configError('The environment', reader.problems);
  return found;
}

const prefixRule = must('prefix', "text of A-Z, a-z, 0-9 and '_'");
const envOptions = z.strictObject({
  prefix: z.string(prefixRule).regex(/^\w*$/, prefixRule).optional(),
});
