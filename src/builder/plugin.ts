import type { TieredCache } from '../cache.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../outage-report.js';

/** What a plugin is told about the cache besides the cache itself. */
export interface PluginInfo {
  /** As given to `cacheBuilder(name)`. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
}

/**
 * Adds something to a cache that its core knows nothing of: metrics, tracing, an audit. Called once by `build()`. What it returns is
 * called when the cache has closed, for whatever must be freed then.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a plugin may also be a function that returns nothing, whose type is void.
export type Plugin = (cache: TieredCache, info: PluginInfo) => void | (() => void);
