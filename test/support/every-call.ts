import type { CallOptions, TieredCache } from '../../src/cache.js';

export type Call = (cache: TieredCache, options: CallOptions) => Promise<unknown>;

/** Every call that takes options. Where it is filled, `k` and `n:k` are there, `n` is a number, and `absent` is absent. */
export const everyCall: Record<string, Call> = {
  get: (cache, options) => cache.get('k', options),
  getEntry: (cache, options) => cache.getEntry('k', options),
  has: (cache, options) => cache.has('k', options),
  ttl: (cache, options) => cache.ttl('k', options),
  getMany: (cache, options) => cache.getMany(['k', 'absent'], options),
  getOrSet: (cache, options) => cache.getOrSet('k', () => 'made', options),
  'getOrSet with forceFresh': (cache, options) => cache.getOrSet('k', () => 'made', { ...options, forceFresh: true }),
  getOrSetMany: (cache, options) => cache.getOrSetMany(['k', 'absent'], (keys) => keys.map(() => 'made'), options),
  set: (cache, options) => cache.set('k', 'new', options),
  setMany: (cache, options) => cache.setMany([['k', 'new']], options),
  setIfAbsent: (cache, options) => cache.setIfAbsent('absent', 'new', options),
  delete: (cache, options) => cache.delete('k', options),
  'soft delete': (cache, options) => cache.delete('k', { ...options, soft: true }),
  deleteMany: (cache, options) => cache.deleteMany(['k'], options),
  deletePattern: (cache, options) => cache.deletePattern('*', options),
  expire: (cache, options) => cache.expire('k', '1h', options),
  increment: (cache, options) => cache.increment('n', 1, options),
  clear: (cache, options) => cache.clear(options),
  invalidateTags: (cache, options) => cache.invalidateTags(['t'], options),
  ping: (cache, options) => cache.ping(options),
  'get of a namespace': (cache, options) => cache.namespace('n').get('k', options),
};
