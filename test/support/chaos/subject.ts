import { cacheBuilder, type TieredCache } from 'tierkeep';
import { eventually } from '../eventually.js';
import { budget, maxStaleness, resetTimeout } from './settings.js';
import type { DriverName, Site } from './site.js';

/** A cache with two tiers and the default bus, as a program has it, behind the fault. */
export interface Subject {
  readonly driver: DriverName;
  readonly cache: TieredCache;
  /** What its keys, tags and namespaces begin with: all subjects of one site share the cache's name, as processes do. */
  readonly mark: string;
  close(): Promise<void>;
}

export const quiet = { debug() {}, info() {}, warn() {}, error() {} };

export async function newSubject(site: Site, name: string, driver: DriverName): Promise<Subject> {
  const base = cacheBuilder(name).memory().budget(budget).logger(quiet).grace('1m');
  const { builder, release } = site.through(base, driver);
  const cache: TieredCache = builder.circuitBreaker({ resetTimeout }).bus({ maxStaleness }).build();
  const close = async () => {
    await cache.close();
    release();
  };
  await cache.ready();
  await eventually(() => cache.health().bus?.trusted === true, { within: 20_000 });
  return { driver, cache, mark: driver.replace(/\W/g, ''), close };
}

/** A process that has nothing in memory, and nothing in its way: it sees what is in Redis and what counts there. */
export function newWitness(site: Site, name: string): TieredCache {
  return site.direct(cacheBuilder(name)).circuitBreaker({ resetTimeout: 50 }).logger(quiet).build();
}
