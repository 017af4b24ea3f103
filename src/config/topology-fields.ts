import { z } from 'zod';
import type { AddressOption, NatMap } from '../backends/redis/address.js';
import { type Access, readSeeds } from '../backends/redis/seeds.js';
import { ConfigError } from '../errors.js';
import { convertedBy, must } from './check.js';
import { isPlainObject } from './shown.js';
import { tlsProblems } from './tls-problems.js';

/** Each by the name under which the user knows it: an option, or a variable of the environment. */
export const topologyFields = {
  /** A list may have URLs with passwords in it, so what was given is not told. */
  seeds: (name: string, defaultPort: number) =>
    convertedBy((given: readonly AddressOption[]) => {
      if (!Array.isArray(given)) {
        throw new ConfigError(
          `${name} must be a list of addresses, such as ['redis-1:${defaultPort}', 'redis-2:${defaultPort}'].`,
        );
      }
      readSeeds(given, defaultPort, name);
      return given;
    }),
  natMap: (name: string) =>
    z.custom<NatMap>(
      isNatMap,
      must(name, "a function or an object such as { '10.0.0.1:6379': { host: 'localhost', port: 7001 } }"),
    ),
};

/** What names addresses must name one; what brings a client of its own knows them. */
export function seedProblems(name: string, seeds: readonly AddressOption[] | undefined, client: unknown): string[] {
  if (client !== undefined || (seeds !== undefined && seeds.length > 0)) return [];
  return [`${name} must name one server at least, which tells of the others; or give client.`];
}

export function clientProblems(client: unknown, others: object): string[] {
  const needless = Object.keys(others);
  if (client === undefined || needless.length === 0) return [];
  return [`client knows its own servers: leave out ${needless.join(', ')}, or leave out client.`];
}

export function seedTlsProblems(
  seeds: readonly AddressOption[] = [],
  tls: Access['tls'],
  tlsName: string,
  name: string,
): string[] {
  return seeds.flatMap((seed, index) =>
    typeof seed === 'string' ? tlsProblems({ url: seed, tls }, tlsName, `${name}[${index}]`) : [],
  );
}

function isNatMap(given: unknown): boolean {
  if (typeof given === 'function') return true;
  if (!isPlainObject(given)) return false;
  return Object.values(given).every((to) => {
    const { host, port } = Object(to) as { host?: unknown; port?: unknown };
    return typeof host === 'string' && host !== '' && Number.isInteger(Number(port)) && Number(port) > 0;
  });
}
