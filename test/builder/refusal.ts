import { expect } from 'vitest';
import { ConfigError } from '../../src/errors.js';

/** The message of the `ConfigError` that `build` must throw. */
export function refusal(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error('nothing was thrown');
}
