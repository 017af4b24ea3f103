import assert from 'node:assert/strict';
import { ClosedError, ConfigError, InvalidKeyError, LockLostError } from '../../errors.js';
import type { LockOptions } from '../../lock.js';
import { type LockConformanceCase, locksConform, soon, underWay } from './lock-case.js';

const badOptions: readonly unknown[] = [
  { ttl: 0 },
  { ttl: 9 },
  { ttl: -1 },
  { ttl: Number.NaN },
  { ttl: '25h' },
  { ttl: Number.POSITIVE_INFINITY },
  { ttl: 'soon' },
  { wait: -1 },
  { wait: 'long' },
  { autoRenew: 'yes' },
  { outage: 'throw' },
  { budget: 0 },
  { signal: new AbortController() },
  { timeout: 5 },
  'fast',
  5,
];

/** What is refused, and what is over. */
export const endingCases: readonly LockConformanceCase[] = [
  locksConform('options that cannot be right are refused, and nothing is taken', async ({ locks }) => {
    for (const options of badOptions as readonly LockOptions[]) {
      await assert.rejects(locks.acquire('r', options), ConfigError, JSON.stringify(options));
      await assert.rejects(locks.tryAcquire('r', options), ConfigError, JSON.stringify(options));
      await assert.rejects(locks.use('r', options, () => assert.fail('it ran')), ConfigError); // biome-ignore format: one line
    }
    await assert.rejects(locks.use('r', {}, undefined as never), ConfigError);
    assert.deepEqual(await locks.inspect('r'), { ttl: 0, waiting: 0 });
  }),
  locksConform('a resource that is no name is refused by every call', async ({ locks }) => {
    for (const resource of ['', 5, undefined, null, {}, 'x'.repeat(513), '\ud800'] as string[]) {
      for (const call of [
        () => locks.acquire(resource),
        () => locks.tryAcquire(resource),
        () => locks.use(resource, () => assert.fail('it ran')),
        () => locks.forceRelease(resource),
        () => locks.inspect(resource),
      ]) {
        await assert.rejects(call, (error) => error instanceof InvalidKeyError && /resource/.test(error.message));
      }
    }
  }),
  locksConform('a ttl of 10 ms and one of a day are taken', async ({ locks }) => {
    const day = await locks.acquire('day', { ttl: '1d' });
    assert.equal(day.isHeld, true);
    // On a machine that takes longer than that to hear of it, it is over before it is had.
    const short = await locks.acquire('short', { ttl: 10, wait: 0 }).catch((error: Error) => error.name);
    assert.ok(typeof short === 'object' || short === 'LockNotAcquiredError', String(short));
  }),
  locksConform('refresh refuses a ttl that cannot be right, and the lock goes on', async ({ locks }) => {
    const lock = await locks.acquire('r');
    for (const ttl of [0, 9, '25h', 'soon'] as const) await assert.rejects(lock.refresh(ttl as number), ConfigError);
    assert.equal(lock.isHeld, true);
  }),
  locksConform('close ends waits and locks, and gives back what was held', async ({ locks, another }) => {
    const closing = await another();
    const held = await closing.acquire('held', { ttl: '1h' });
    const { signal } = held;
    const taken = await locks.acquire('taken', { ttl: '1m' });
    const waiting = closing.acquire('taken', { wait: '50s' });
    const refused = underWay(assert.rejects(waiting, ClosedError));
    await soon('one waits', async () => (await locks.inspect('taken')).waiting === 1);
    await closing.close();
    await closing.close();
    await refused;
    assert.ok(signal.aborted && signal.reason instanceof LockLostError);
    assert.equal(held.isHeld, false);
    assert.equal(await held.release(), false);
    assert.equal((await locks.acquire('held', { wait: '20s' })).isHeld, true);
    assert.equal(taken.isHeld, true);
    await soon('nobody waits', async () => (await locks.inspect('taken')).waiting === 0);
    for (const call of [
      () => closing.acquire('r'),
      () => closing.tryAcquire('r'),
      () => closing.use('r', () => assert.fail('it ran')),
      () => closing.forceRelease('r'),
      () => closing.inspect('r'),
    ]) {
      await assert.rejects(call, ClosedError);
    }
  }),
  locksConform('an event that does not exist is refused, and a listener can be taken off', async ({ locks }) => {
    assert.throws(() => locks.on('lock:taken' as 'lock:acquired', () => undefined), ConfigError);
    let heard = 0;
    const listener = () => {
      heard += 1;
    };
    assert.equal(locks.on('lock:acquired', listener), locks);
    await (await locks.acquire('r')).release();
    assert.equal(locks.off('lock:acquired', listener), locks);
    await (await locks.acquire('r')).release();
    assert.equal(heard, 1);
  }),
];
