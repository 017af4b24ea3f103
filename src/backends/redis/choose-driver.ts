import { ConfigError } from '../../errors.js';
import { resolveServer, type ServerOptions } from './client-options.js';
import type { Connection } from './connection.js';
import type { Driver } from './driver.js';
import { type IoredisLike, ioredisClientDriver, ioredisDriver } from './ioredis.js';
import { type NodeRedisLike, nodeRedisClientDriver, nodeRedisDriver } from './node-redis.js';

export type DriverName = Connection['driver'];

/** Makes the driver for one server. The library is loaded here, and only the one that is asked for. */
export function driverFor(server: ServerOptions, name: DriverName | undefined): Driver {
  const resolved = resolveServer(server);
  if (name === 'ioredis') return installed('ioredis', () => ioredisDriver(resolved)) ?? missing('ioredis');
  if (name === 'node-redis') return installed('@redis/client', () => nodeRedisDriver(resolved)) ?? missing('@redis/client');
  if (name !== undefined) throw new ConfigError(`driver must be 'ioredis' or 'node-redis', got '${String(name)}'.`);
  return (
    installed('ioredis', () => ioredisDriver(resolved)) ??
    installed('@redis/client', () => nodeRedisDriver(resolved)) ??
    missing('ioredis', ' (or npm install @redis/client)')
  );
}

/** Makes the driver over the user's own client, whichever library made it. */
export function driverOver(client: unknown, connectTimeout: number): Driver {
  const methods = (typeof client === 'object' && client !== null ? client : {}) as Record<string, unknown>;
  const options = (methods.options ?? {}) as { readonly keyPrefix?: string | Buffer; readonly sentinels?: unknown };
  const can = (...names: string[]) => names.every((name) => typeof methods[name] === 'function');
  if (methods.isCluster === true || 'nodeByReplica' in methods || methods.masters !== undefined)
    throw elsewhere('Cluster', '.cluster({ client })');
  if (can('getSentinelNode') || Array.isArray(options.sentinels)) throw elsewhere('Sentinel', '.sentinel({ client })');
  if (options.keyPrefix !== undefined && options.keyPrefix.length > 0) {
    throw new ConfigError(
      `the client has a keyPrefix of its own ('${options.keyPrefix}'); it would be put before our keys in some commands and not in others. Pass a client without one: the cache's name is its prefix.`,
    );
  }
  if (can('duplicate', 'connect', 'on', 'disconnect', 'getBuffer')) {
    return ioredisClientDriver(client as IoredisLike, connectTimeout);
  }
  if (can('duplicate', 'connect', 'on', 'destroy', 'sendCommand') && typeof methods.isOpen === 'boolean') {
    return nodeRedisClientDriver(client as NodeRedisLike, connectTimeout);
  }
  throw new ConfigError(
    'client must be an ioredis (5 or 6) or @redis/client (6) object, made by new Redis(…) or createClient(…).',
  );
}

/** Makes what needs @redis/client. */
export function withNodeRedis(load: () => Driver): Driver {
  return installed('@redis/client', load) ?? missing('@redis/client');
}

/** Undefined when the package is not there; another fault of loading it is the package's own and is thrown. */
function installed(name: string, load: () => Driver): Driver | undefined {
  try {
    return load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND' && message.includes(`'${name}'`)) return undefined;
    throw error;
  }
}

function missing(name: string, or = ''): never {
  throw new ConfigError(`Redis needs a client library, and ${name} is not installed: npm install ${name}${or}`);
}

function elsewhere(topology: string, mend: string): ConfigError {
  return new ConfigError(`the client is a ${topology} client, and .redis() takes a client of one server: use ${mend}.`);
}
