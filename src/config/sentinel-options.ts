import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { z } from 'zod';
import type { AddressOption, NatMap } from '../backends/redis/address.js';
import type { SentinelOptions as SentinelSettings } from '../backends/redis/sentinel.js';
import type { Duration } from '../duration.js';
import { checkOptions, configError, objectWith } from './check.js';
import type { ReconnectOptions } from './reconnect-options.js';
import { accessOptions, redisFields, tlsField } from './redis-options.js';
import { clientProblems, seedProblems, seedTlsProblems, topologyFields } from './topology-fields.js';

/** Options of `.sentinel()`: the Sentinels and how to get into them and into the nodes, or a client of yours. */
export interface SentinelOptions {
  /** Of the master, as the Sentinels call it: `sentinel monitor <name> …` in their configuration. */
  readonly name?: string | undefined;
  /**
   * Any of them; they tell of the others. `'host:port'`, `{ host, port }` or `'redis://user:password@host:port'` (`rediss://` for
   * TLS), whose user and password are those of all Sentinels. Default port 26379.
   */
  readonly sentinels?: readonly AddressOption[] | undefined;
  /** Of the nodes. */
  readonly username?: string | undefined;
  /** Of the nodes. It is not sent to Sentinels. */
  readonly password?: string | undefined;
  /** Number of the database. Default 0. */
  readonly db?: number | undefined;
  /** TLS to the nodes, with options of `tls.connect` if need be. */
  readonly tls?: boolean | TlsOptions | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** TLS to the Sentinels. Default: as `tls`. */
  readonly sentinelTls?: boolean | TlsOptions | undefined;
  /** For addresses that the Sentinels know and this process cannot reach: `'host:port'` to the address that it can. */
  readonly natMap?: NatMap | undefined;
  /** Bounds finding the master and the first exchange with it together; also how long `ready()` waits. Default 5 s. */
  readonly connectTimeout?: Duration | undefined;
  /** Idle time before TCP asks whether the other side is still there. Default 5 s. */
  readonly keepAlive?: Duration | undefined;
  /** How soon a lost connection is made anew. Default after 50 ms, then after pauses that double up to 1 s. */
  readonly reconnect?: ReconnectOptions | undefined;
  /**
   * Your own client, `new Redis({ name, sentinels })` of ioredis or `createSentinel(…)` of @redis/client. What it was made with is
   * used; it is neither changed nor closed.
   */
  readonly client?: SentinelSettings['client'];
  /** Which client library. Default: whichever is installed, ioredis first. */
  readonly driver?: 'ioredis' | 'node-redis' | undefined;
}

const sentinelOptions = z.strictObject({
  name: redisFields.text('name').optional(),
  sentinels: topologyFields.seeds('sentinels', 26_379).optional(),
  db: redisFields.db('db').optional(),
  ...accessOptions,
  sentinelUsername: redisFields.text('sentinelUsername').optional(),
  sentinelPassword: redisFields.text('sentinelPassword').optional(),
  sentinelTls: tlsField('sentinelTls').optional(),
  natMap: topologyFields.natMap('natMap').optional(),
  client: objectWith<NonNullable<SentinelOptions['client']>>('client', ['duplicate', 'on']).optional(),
});

export function readSentinelOptions(given: unknown): SentinelSettings {
  const hint =
    " Write .sentinel({ name: 'mymaster', sentinels: ['host:26379'] }), or .sentinel({ client }) with a client of your own.";
  const options = checkOptions('sentinel', sentinelOptions, given, hint);
  const { client, connectTimeout, reconnect, ...others } = options;
  const problems = [
    ...nameProblems('name', options.name, client),
    ...seedProblems('sentinels', options.sentinels, client),
    ...clientProblems(client, others),
    ...seedTlsProblems(options.sentinels, options.sentinelTls, 'sentinelTls', 'sentinels'),
  ];
  if (problems.length > 0) throw configError('sentinel()', problems);
  return options;
}

export function nameProblems(option: string, name: string | undefined, client?: unknown): string[] {
  if (client !== undefined || name !== undefined) return [];
  return [`${option} must say what the Sentinels call the master: 'mymaster' if nobody chose another name.`];
}
