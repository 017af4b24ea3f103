import { backoffProblems } from './reconnect-options.js';
import { nameProblems } from './sentinel-options.js';
import { tlsProblems } from './tls-problems.js';
import type { TopologySettings } from './topology.js';
import { seedTlsProblems } from './topology-fields.js';
import type { VariableReader } from './variable-groups.js';

/** By which variables each kind of Redis is found. */
const places = {
  redis: ['REDIS_URL', 'REDIS_HOST'],
  cluster: ['REDIS_CLUSTER_NODES'],
  sentinel: ['REDIS_SENTINELS'],
} as const;

type Kind = keyof typeof places;

/** What is asked for, or what there is; undefined for memory alone. */
export function readTopology(reader: VariableReader): TopologySettings | undefined {
  const kind = kindIn(reader);
  switch (kind) {
    case undefined:
      return undefined;
    case 'redis':
      return { kind, options: redis(reader) };
    case 'cluster':
      return { kind, options: cluster(reader) };
    case 'sentinel':
      return { kind, options: sentinel(reader) };
  }
}

function kindIn(reader: VariableReader): Kind | undefined {
  const asked = reader.textOf('CACHE_BACKEND');
  if (asked === 'memory') return undefined;
  const names = (kind: Kind) => places[kind].map((variable) => reader.nameOf(variable)).join(' or ');
  const there = (Object.keys(places) as Kind[]).filter((kind) =>
    places[kind].some((variable) => reader.textOf(variable) !== ''),
  );
  if (isKind(asked)) {
    if (!there.includes(asked)) {
      reader.problems.push(`${reader.nameOf('CACHE_BACKEND')} is '${asked}', so ${names(asked)} must say where it is.`);
    }
    return asked;
  }
  const [first, ...more] = there;
  if (asked === '' && more.length > 0) {
    reader.problems.push(
      `${there.map(names).join(' and ')} say different things: let ${reader.nameOf('CACHE_BACKEND')} say which counts.`,
    );
  }
  // Also when the backend is misspelt: what else is wrong shall be told at once.
  return first;
}

function isKind(asked: string): asked is Kind {
  return Object.hasOwn(places, asked);
}

function access(reader: VariableReader) {
  const reconnect = reader.read('reconnect');
  const names = [reader.nameOf('REDIS_RECONNECT_MIN_BACKOFF'), reader.nameOf('REDIS_RECONNECT_MAX_BACKOFF')] as const;
  reader.problems.push(...backoffProblems(reconnect, ...names));
  return { ...reader.read('access'), ...(Object.keys(reconnect).length > 0 && { reconnect }) };
}

function redis(reader: VariableReader) {
  const options = { ...reader.read('redis'), ...access(reader) };
  reader.problems.push(...tlsProblems(options, reader.nameOf('REDIS_TLS'), reader.nameOf('REDIS_URL')));
  return options;
}

function cluster(reader: VariableReader) {
  const options = { ...reader.read('cluster'), ...access(reader) };
  const db = reader.textOf('REDIS_DB');
  if (db !== '' && db !== '0')
    reader.problems.push(`${reader.nameOf('REDIS_DB')} is '${db}', but a Cluster has database 0 only.`);
  reader.problems.push(
    ...seedTlsProblems(options.nodes, options.tls, reader.nameOf('REDIS_TLS'), reader.nameOf('REDIS_CLUSTER_NODES')),
  );
  return options;
}

function sentinel(reader: VariableReader) {
  const options = { ...reader.read('sentinel'), ...access(reader) };
  const tlsName = reader.nameOf('REDIS_SENTINEL_TLS');
  reader.problems.push(
    ...nameProblems(reader.nameOf('REDIS_SENTINEL_NAME'), options.name),
    ...seedTlsProblems(options.sentinels, options.sentinelTls, tlsName, reader.nameOf('REDIS_SENTINELS')),
  );
  return options;
}
