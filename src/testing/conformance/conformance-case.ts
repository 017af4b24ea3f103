import type { Cache } from '../../cache.js';

/** What a case is given to work with. */
export interface ConformanceContext {
  /** Fresh, empty, and closed by the suite afterwards. */
  readonly cache: Cache;
  /** The name it was made with. */
  readonly name: string;
  /** Another cache over the same backend, closed by the suite too. */
  another(name: string): Promise<Cache>;
}

/** One promise of the contract. Rejects, with what was wrong, when the cache does not keep it. */
export interface ConformanceCase {
  readonly name: string;
  run(context: ConformanceContext): Promise<void>;
}

export function conforms(name: string, run: (context: ConformanceContext) => Promise<void>): ConformanceCase {
  return { name, run };
}
