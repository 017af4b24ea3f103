import { hash } from 'node:crypto';
import { InvalidKeyError } from '../errors.js';
import { canonicalText } from './canonical.js';
import { inspectValue } from './portable.js';
import { pathText, type Refusal } from './refusal.js';

/**
 * The key of a call: SHA-256 of its arguments, as 43 characters of base64url. Arguments that are deeply equal have one key, in every
 * process and release. Those left out at the end are as `undefined` there.
 * @throws InvalidKeyError naming the argument and the place in it, for what is no plain data: functions, symbols, class instances,
 * cycles, sparse arrays
 */
export function argumentKey(functionName: string, args: readonly unknown[]): string {
  const given = args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1);
  inspectValue(given, refusalOfArguments(functionName));
  return hash('sha256', canonicalText(given), 'base64url');
}

function refusalOfArguments(functionName: string): Refusal {
  return {
    root: 'args',
    error(path, fault) {
      const [index] = path;
      const which = typeof index === 'number' ? `argument ${index + 1}` : 'the arguments';
      return new InvalidKeyError(
        `No key can be made of ${which} of '${functionName}': ${pathText(path, 'args')} ${fault}. Pass plain data, or give { key }: a function of the arguments that returns a string.`,
      );
    },
  };
}
