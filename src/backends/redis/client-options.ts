import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { ConfigError } from '../../errors.js';

/** Where a Redis server is and how to get in. What is given beside `url` counts more than what the URL says. */
export interface ServerOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  readonly url?: string | undefined;
  /** Default `localhost`. */
  readonly host?: string | undefined;
  /** Default 6379. */
  readonly port?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number | undefined;
  readonly tls?: boolean | TlsOptions | undefined;
  /** Bounds connecting, in ms. Default 5000. */
  readonly connectTimeout?: number | undefined;
  /** Idle time before TCP keep-alive probes, in ms. Default 5000. */
  readonly keepAlive?: number | undefined;
}

/** The same, resolved. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly tls: TlsOptions | undefined;
  readonly connectTimeout: number;
  readonly keepAlive: number;
}

export function resolveServer(options: ServerOptions): Server {
  const url: Partial<Server> = options.url === undefined ? {} : parseRedisUrl(options.url);
  const { tls = url.tls ?? false } = options;
  return {
    host: options.host ?? url.host ?? 'localhost',
    port: options.port ?? url.port ?? 6379,
    username: options.username ?? url.username,
    password: options.password ?? url.password,
    db: options.db ?? url.db ?? 0,
    tls: tls === true ? {} : tls === false ? undefined : tls,
    connectTimeout: options.connectTimeout ?? 5_000,
    keepAlive: options.keepAlive ?? 5_000,
  };
}

/**
 * The text itself is never shown: it may hold a password.
 * @throws ConfigError that calls it by `name`
 */
export function parseRedisUrl(text: string, name = 'the Redis url'): Partial<Server> {
  const wrong = (why: string) =>
    new ConfigError(`${name} ${why}; expected redis://user:password@host:6379/0 (rediss:// for TLS).`);
  if (typeof text !== 'string') throw wrong('is no text');
  if (!URL.canParse(text)) throw wrong('cannot be parsed');
  const url = new URL(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw wrong(text.includes('://') ? `begins with ${url.protocol}//` : 'does not begin with redis://');
  }
  const db = url.searchParams.get('db') ?? url.pathname.slice(1);
  if (!/^\d*$/.test(db)) throw wrong('names a database that is no number');
  const decoded = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw wrong("has a '%' in its user or password that encodes nothing (encodeURIComponent makes them fit)");
    }
  };
  return {
    ...(url.hostname !== '' && { host: url.hostname.replace(/^\[|\]$/g, '') }),
    ...(url.port !== '' && { port: Number(url.port) }),
    ...(url.username !== '' && { username: decoded(url.username) }),
    ...(url.password !== '' && { password: decoded(url.password) }),
    ...(db !== '' && { db: Number(db) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}
