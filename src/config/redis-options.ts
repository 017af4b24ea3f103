import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { z } from 'zod';
import { parseRedisUrl } from '../backends/redis/client-options.js';
import type { StandaloneOptions } from '../backends/redis/standalone.js';
import { type Duration, finiteMs } from '../duration.js';
import { checkOptions, configError, convertedBy, must, mustSecretly, objectWith, wholeNumber } from './check.js';
import { type ReconnectOptions, reconnectField } from './reconnect-options.js';
import { tlsProblems } from './tls-problems.js';

/**
 * Options of `.redis()`: where the server is, or a client of yours. What is given beside `url` counts more than what the URL says.
 */
export interface RedisOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  readonly url?: string | undefined;
  /** Default `localhost`. */
  readonly host?: string | undefined;
  /** Default 6379. */
  readonly port?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Number of the database. Default 0. */
  readonly db?: number | undefined;
  /** TLS, with options of `tls.connect` if need be. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Bounds TCP, TLS, authentication and the first exchange together; also how long `ready()` waits. Default 5 s. */
  readonly connectTimeout?: Duration | undefined;
  /** Idle time before TCP asks whether the other side is still there. Default 5 s. */
  readonly keepAlive?: Duration | undefined;
  /** How soon a lost connection is made anew. Default after 50 ms, then after pauses that double up to 1 s. */
  readonly reconnect?: ReconnectOptions | undefined;
  /** Your own client of ioredis or @redis/client. Copies of it are used; it is neither changed nor closed. */
  readonly client?: StandaloneOptions['client'];
  /** Which client library. Default: whichever is installed, ioredis first. */
  readonly driver?: 'ioredis' | 'node-redis' | undefined;
}

/** Each by the name under which the user knows it: an option, or a variable of the environment. */
export const redisFields = {
  url: (name: string) =>
    convertedBy((given: string) => {
      parseRedisUrl(given, name);
      return given;
    }),
  /** An IPv6 address has two colons at least; one colon is a port. What was given may be a URL with a password, so it is not told. */
  host: (name: string) => {
    const wrong = mustSecretly(
      name,
      "a host name or address alone, such as 'redis.internal'; port and url are settings of their own",
    );
    return z.string(wrong).regex(/^(?:[^\s/@:]+|[^\s/@:]*:[^\s/@:]*:[^\s/@]*)$/, wrong);
  },
  port: (name: string) => wholeNumber(name, 1, 65_535),
  text: (name: string) =>
    z.string(mustSecretly(name, 'a text that is not empty')).min(1, mustSecretly(name, 'a text that is not empty')),
  db: (name: string) => wholeNumber(name, 0, 1_000_000),
  /** The client libraries hand it to `net`, which takes whole numbers only. */
  timeoutMs: (given: Duration, name: string) => Math.ceil(finiteMs(given, name)),
  driver: (name: string) => z.enum(['ioredis', 'node-redis'], must(name, "'ioredis' or 'node-redis'")),
};

export const tlsField = (name: string) =>
  z.custom<boolean | TlsOptions>(isTls, must(name, 'true, false or an object of TLS options'));

/** How to get into any server, and with which library. */
export const accessOptions = {
  username: redisFields.text('username').optional(),
  password: redisFields.text('password').optional(),
  tls: tlsField('tls').optional(),
  connectTimeout: convertedBy((given: Duration) => redisFields.timeoutMs(given, 'connectTimeout')).optional(),
  reconnect: reconnectField.optional(),
  keepAlive: convertedBy((given: Duration) => redisFields.timeoutMs(given, 'keepAlive')).optional(),
  driver: redisFields.driver('driver').optional(),
};

const redisOptions = z.strictObject({
  url: redisFields.url('url').optional(),
  host: redisFields.host('host').optional(),
  port: redisFields.port('port').optional(),
  db: redisFields.db('db').optional(),
  ...accessOptions,
  client: objectWith<NonNullable<RedisOptions['client']>>('client', ['duplicate', 'connect', 'on']).optional(),
});

export function readRedisOptions(given: unknown): StandaloneOptions {
  const hint = " Write .redis({ url: 'redis://…' }), or .redis({ client }) with a client of your own.";
  const options = checkOptions('redis', redisOptions, given, hint);
  const problems = [...clientProblems(options), ...tlsProblems(options, 'tls', 'url')];
  if (problems.length > 0) throw configError('redis()', problems);
  return options;
}

function clientProblems({ client, connectTimeout, reconnect, ...server }: StandaloneOptions): string[] {
  const needless = Object.keys(server);
  if (client === undefined || needless.length === 0) return [];
  return [`client knows its own server: leave out ${needless.join(', ')}, or leave out client.`];
}

function isTls(given: unknown): boolean {
  return typeof given === 'boolean' || (typeof given === 'object' && given !== null && !Array.isArray(given));
}
