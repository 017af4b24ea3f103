import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { LockNotAcquiredError } from '../../errors.js';
import { type LockConformanceCase, locksConform, soon, underWay } from './lock-case.js';

/** Whoever cannot have it yet. */
export const waitingCases: readonly LockConformanceCase[] = [
  locksConform('who waits is served in the order in which they asked, whoever they are', async ({ locks, another }) => {
    const all = [locks, await another(), await another()];
    const first = await locks.acquire('r', { ttl: '1m' });
    const order: number[] = [];
    const waiters: Promise<void>[] = [];
    for (let index = 0; index < 12; index += 1) {
      const use = (all[index % 3] ?? locks).use('r', { wait: '50s' }, async () => void order.push(index));
      waiters.push(underWay(use));
      await soon(`${index + 1} wait`, async () => (await locks.inspect('r')).waiting === index + 1);
    }
    await first.release();
    await Promise.all(waiters);
    assert.deepEqual(order, Array.from({ length: 12 }, (_, index) => index)); // biome-ignore format: short
  }),
  locksConform('wait 0 does not wait', async ({ locks }) => {
    const lock = await locks.acquire('r');
    await assert.rejects(locks.acquire('r', { wait: 0 }), LockNotAcquiredError);
    assert.equal((await locks.inspect('r')).waiting, 0);
    await lock.release();
    assert.equal((await locks.acquire('r', { wait: 0 })).isHeld, true);
  }),
  locksConform('who has waited long enough leaves the line, and is passed over', async ({ locks, another }) => {
    const lock = await locks.acquire('r', { ttl: '1m' });
    const from = performance.now();
    await assert.rejects(locks.acquire('r', { wait: '100ms' }), (error) => {
      return error instanceof LockNotAcquiredError && error.resource === 'r' && error.retryable;
    });
    assert.ok(performance.now() - from >= 99);
    await soon('nobody waits', async () => (await locks.inspect('r')).waiting === 0);
    assert.equal(await lock.release(), true);
    assert.equal((await (await another()).tryAcquire('r'))?.isHeld, true);
  }),
  locksConform('wait Infinity waits until it is free', async ({ locks, another }) => {
    const lock = await locks.acquire('r', { ttl: '1m' });
    const waiting = underWay((await another()).acquire('r', { wait: Number.POSITIVE_INFINITY }));
    await soon('one waits', async () => (await locks.inspect('r')).waiting === 1);
    await lock.release();
    assert.equal((await waiting).isHeld, true);
  }),
  locksConform('who is told to give up leaves the line at once, with its reason', async ({ locks }) => {
    const lock = await locks.acquire('r', { ttl: '1m' });
    const abort = new AbortController();
    const { signal } = abort;
    const waiting = [1, 2, 3].map(() => underWay(locks.acquire('r', { wait: '50s', signal })));
    await soon('three wait', async () => (await locks.inspect('r')).waiting === 3);
    const reason = new Error('the caller is gone');
    abort.abort(reason);
    for (const outcome of await Promise.allSettled(waiting)) {
      assert.ok(outcome.status === 'rejected' && outcome.reason === reason);
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    await soon('nobody waits', async () => (await locks.inspect('r')).waiting === 0);
    assert.equal(lock.isHeld, true);
    await lock.release();
    assert.equal((await locks.tryAcquire('r'))?.isHeld, true);
  }),
  locksConform('who had given up already asks for nothing', async ({ locks }) => {
    const reason = new Error('the caller is gone');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(locks.acquire('r', { signal }), (error) => error === reason);
    await assert.rejects(locks.tryAcquire('r', { signal }), (error) => error === reason);
    await assert.rejects(locks.use('r', { signal }, () => assert.fail('it ran')), (error) => error === reason); // biome-ignore format: one line
    assert.deepEqual(await locks.inspect('r'), { ttl: 0, waiting: 0 });
  }),
  locksConform('a signal that aborts later takes no lock away', async ({ locks }) => {
    const abort = new AbortController();
    const lock = await locks.acquire('r', { signal: abort.signal });
    abort.abort();
    assert.equal(lock.isHeld, true);
    assert.equal(await lock.release(), true);
  }),
];
