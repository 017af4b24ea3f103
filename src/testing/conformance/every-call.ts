import type { Cache, CallOptions } from '../../cache.js';

/** Every call, with its options. */
export const calls: readonly (readonly [name: string, call: (cache: Cache, options?: CallOptions) => Promise<unknown>])[] = [
  ['get', (cache, options) => cache.get('k', options)],
  ['getEntry', (cache, options) => cache.getEntry('k', options)],
  ['getMany', (cache, options) => cache.getMany(['k'], options)],
  ['getMany of nothing', (cache, options) => cache.getMany([], options)],
  ['set', (cache, options) => cache.set('k', 1, options)],
  ['setMany', (cache, options) => cache.setMany([['k', 1]], options)],
  ['setMany of nothing', (cache, options) => cache.setMany([], options)],
  ['setIfAbsent', (cache, options) => cache.setIfAbsent('k', 1, options)],
  ['has', (cache, options) => cache.has('k', options)],
  ['delete', (cache, options) => cache.delete('k', options)],
  ['deleteMany', (cache, options) => cache.deleteMany(['k'], options)],
  ['deleteMany of nothing', (cache, options) => cache.deleteMany([], options)],
  ['deletePattern', (cache, options) => cache.deletePattern('*', options)],
  ['ttl', (cache, options) => cache.ttl('k', options)],
  ['expire', (cache, options) => cache.expire('k', '1m', options)],
  ['increment', (cache, options) => cache.increment('k', 1, options)],
  ['clear', (cache, options) => cache.clear(options)],
  ['ping', (cache, options) => cache.ping(options)],
];
