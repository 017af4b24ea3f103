import { parseArgs } from 'node:util';
import { faults } from './faults.js';
import { type DriverName, type TopologyName, topologies } from './site.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly topology: TopologyName;
  readonly driver: DriverName;
  readonly bus: 'pub-sub' | 'tracking';
  /** Some of the faults only. Default: all. */
  readonly faults?: readonly string[];
  /** What is taken out, to see that it is missed. */
  readonly without?: 'bus' | 'journal';
}

const drivers = ['ioredis', 'node-redis'] as const;
const buses = ['pub-sub', 'tracking'] as const;

/** @throws Error that says which argument is wrong */
export function readArguments(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '120' },
      seed: { type: 'string' },
      topology: { type: 'string', default: 'standalone' },
      driver: { type: 'string', default: 'ioredis' },
      bus: { type: 'string', default: 'pub-sub' },
      fault: { type: 'string', multiple: true },
      without: { type: 'string' },
    },
  });
  return {
    seconds: positive('seconds', values.seconds),
    seed: values.seed === undefined ? Date.now() % 1_000_000 : positive('seed', values.seed),
    topology: oneOf('topology', topologies, values.topology),
    driver: oneOf('driver', drivers, values.driver),
    bus: oneOf('bus', buses, values.bus),
    ...(values.fault && { faults: values.fault.map((name) => oneOf('fault', faults.flatMap(Object.keys), name)) }),
    ...(values.without !== undefined && { without: oneOf('without', ['bus', 'journal'] as const, values.without) }),
  };
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} must be a positive number, got '${text}'.`);
  return number;
}

function oneOf<T extends string>(name: string, list: readonly T[], text: string): T {
  const found = list.find((each) => each === text);
  if (found === undefined) throw new Error(`--${name} must be one of ${list.join(', ')}, got '${text}'.`);
  return found;
}
