import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterEach, beforeAll } from 'vitest';
import { type StandaloneView, sharedStandalone } from './shared-topologies.js';

/** Makes caches of one name on the shared server, each as another process would build it. They are closed after each test. */
export function anotherProcess(): (name: string) => Promise<TieredCache> {
  let redis: StandaloneView;
  beforeAll(async () => {
    redis = await sharedStandalone();
  });

  const open: TieredCache[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((cache) => cache.close()));
  });

  return async (name) => {
    const cache = cacheBuilder(name).memory().redis({ url: redis.url }).budget('10s').build();
    open.push(cache);
    await cache.ready();
    return cache;
  };
}
