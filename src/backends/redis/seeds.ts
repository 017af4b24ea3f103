import { ConfigError } from '../../errors.js';
import { type Address, type AddressOption, readAddress } from './address.js';
import { parseRedisUrl, type ServerOptions } from './client-options.js';

export type Access = Pick<ServerOptions, 'username' | 'password' | 'tls'>;

/** Where to begin: servers that tell of the others. */
export interface Seeds {
  readonly addresses: readonly Address[];
  /** What URLs among them say of how to get in. */
  readonly access: Access;
}

interface Seed {
  readonly address: Address;
  readonly access: Access;
}

/** @throws ConfigError that tells all that is wrong and calls the list by `name` */
export function readSeeds(given: readonly AddressOption[], defaultPort: number, name: string): Seeds {
  const problems: string[] = [];
  const seeds = given.flatMap((seed, index) => {
    try {
      return [readSeed(seed, defaultPort, `${name}[${index}]`)];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems.join(' '));
  return { addresses: seeds.map(({ address }) => address), access: accessOf(seeds, name) };
}

function readSeed(given: AddressOption, defaultPort: number, name: string): Seed {
  if (typeof given !== 'string' || !given.includes('://'))
    return { address: readAddress(given, defaultPort, name), access: {} };
  const { host = 'localhost', port = defaultPort, db = 0, ...access } = parseRedisUrl(given, name);
  if (db !== 0)
    throw new ConfigError(`${name} names database ${db}: a Cluster has 0 only, and for Sentinel it is the option db.`);
  return { address: { host, port }, access };
}

/** Those that nobody named get the same user, password and TLS as those that were, so there can be one of each only. */
function accessOf(seeds: readonly Seed[], name: string): Access {
  const named = seeds.map(({ access }) => access).filter((access) => Object.keys(access).length > 0);
  const [first = {}] = named;
  for (const { username, password, tls } of named) {
    if (username !== first.username || password !== first.password || (tls === undefined) !== (first.tls === undefined)) {
      throw new ConfigError(
        `${name} have different users, passwords or TLS in their URLs; they must be the same, since those that are found later get them too.`,
      );
    }
  }
  return first;
}

/** Options that were given, over what the URLs say. */
export function accessBy({ access }: Seeds, { username, password, tls }: Access): Access {
  return {
    ...access,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
  };
}
