import type { CacheBuilder, TieredCache } from 'tierkeep';
import { type Lock, type Locks, memoryLocks } from 'tierkeep/locks';
import { expectTypeOf, it } from 'vitest';

it('locks have the types that they are used by', () => {
  const use = (locks: Locks) => ({
    plain: locks.use('r', () => 5),
    later: locks.use('r', { ttl: '5s' }, async (lock) => ({ token: lock.fencingToken })),
    tried: locks.tryAcquire('r', { outage: 'skip' }),
    taken: locks.acquire('r', { wait: Number.POSITIVE_INFINITY }),
    // @ts-expect-error: who does not wait has nothing to wait for
    waiting: locks.tryAcquire('r', { wait: '5s' }),
    // @ts-expect-error: no such policy
    served: locks.acquire('r', { outage: 'serve' }),
  });
  expectTypeOf(use).returns.toHaveProperty('plain').toEqualTypeOf<Promise<number>>();
  expectTypeOf(use).returns.toHaveProperty('later').toEqualTypeOf<Promise<{ token: number }>>();
  expectTypeOf(use).returns.toHaveProperty('tried').toEqualTypeOf<Promise<Lock | undefined>>();
  expectTypeOf(use).returns.toHaveProperty('taken').toEqualTypeOf<Promise<Lock>>();
  expectTypeOf<TieredCache['locks']>().toEqualTypeOf<Locks>();
  expectTypeOf(memoryLocks).returns.toEqualTypeOf<Locks>();
  expectTypeOf<CacheBuilder<'new'>['locks']>().parameter(0).toHaveProperty('ttl');
  expectTypeOf<Lock>().toExtend<AsyncDisposable>();
});
