/// <reference lib="esnext.disposable" />

export { memoryLocks, redisLocks, redlock } from '../builder/locks-apart.js';
export type {
  LockDefaultOptions,
  MemoryLocksOptions,
  RedisLocksOptions,
  RedlockOptions,
} from '../config/locks-options.js';
export { LockError, LockLostError, LockNotAcquiredError } from '../errors.js';
export type * from '../lock.js';
