import { type Duration, finiteMs, nonNegativeMs, positiveMs } from '../duration.js';
import { ConfigError } from '../errors.js';
import type { SourceOptions, WritableSource, WriteBehindOptions, WritePolicy } from '../sourced-cache.js';
import type { WriteBehindSettings } from './write-behind.js';

const methods = ['load', 'loadMany', 'save', 'saveMany', 'remove'] as const;
const namesOf: Readonly<Record<WritePolicy, readonly string[]>> = {
  none: ['write'],
  through: ['write'],
  behind: ['write', 'maxQueued', 'batchSize', 'delay', 'backOff', 'closeTimeout'],
};

export interface SourcePlan {
  readonly write: WritePolicy;
  readonly behind: WriteBehindSettings;
}

/** @throws ConfigError before anything is asked of the source */
export function sourcePlanIn(source: unknown, options: SourceOptions = {}): SourcePlan {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError("withSource() takes an object of options after the source, such as { write: 'through' }.");
  }
  const write = options.write ?? 'none';
  const names = Object.hasOwn(namesOf, write) ? namesOf[write] : undefined;
  if (names === undefined) throw new ConfigError(`write must be 'none', 'through' or 'behind', got '${String(write)}'.`);
  for (const name in options) {
    if (names.includes(name)) continue;
    throw new ConfigError(
      `withSource() does not know the option '${name}' with write '${write}'. There are ${names.join(', ')}.`,
    );
  }
  checkSource(source, write);
  const { maxQueued, batchSize, delay, backOff, closeTimeout } = options as Partial<WriteBehindOptions>;
  const ms = (given: Duration | undefined, name: string, otherwise: number, convert = nonNegativeMs) =>
    given === undefined ? otherwise : convert(given, name);
  return {
    write,
    behind: {
      maxQueued: countIn(maxQueued, 'maxQueued', 10_000),
      batchSize: countIn(batchSize, 'batchSize', 100),
      delay: ms(delay, 'delay', 100),
      backOff: ms(backOff, 'backOff', 100, positiveMs),
      closeTimeout: ms(closeTimeout, 'closeTimeout', 5_000, finiteMs),
    },
  };
}

function checkSource(source: unknown, write: WritePolicy): void {
  if (typeof source !== 'object' || source === null) {
    throw new ConfigError(
      'withSource() needs a source: an object with load(key), and save(key, value) if it is to be written.',
    );
  }
  const given = source as Partial<Record<keyof WritableSource<unknown>, unknown>>;
  for (const name of methods) {
    if (given[name] !== undefined && typeof given[name] !== 'function')
      throw new ConfigError(`${name} of the source must be a function.`);
  }
  if (given.load === undefined) throw new ConfigError('The source needs load(key), which returns the value or undefined.');
  if (write !== 'none' && given.save === undefined) {
    throw new ConfigError(`The source needs save(key, value) with write '${write}'. To write to it yourself leave write out.`);
  }
}

function countIn(given: number | undefined, name: string, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (Number.isSafeInteger(given) && given >= 1) return given;
  throw new ConfigError(`${name} must be a whole number from 1 up, got ${String(given)}.`);
}
