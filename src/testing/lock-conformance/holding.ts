import assert from 'node:assert/strict';
import { LockLostError } from '../../errors.js';
import { type LockConformanceCase, locksConform, pause, soon, underWay } from './lock-case.js';

/** How long it lasts. */
export const holdingCases: readonly LockConformanceCase[] = [
  locksConform('it is renewed until it is released', async ({ locks, another }) => {
    const other = await another();
    const lock = await locks.acquire('r', { ttl: '2s' });
    await pause(3_000);
    assert.equal(lock.isHeld, true);
    assert.equal(await other.tryAcquire('r'), undefined);
    assert.equal(await lock.release(), true);
    assert.equal((await other.tryAcquire('r'))?.isHeld, true);
  }),
  locksConform('without renewal it ends by itself, and its signal tells', async ({ locks, another }) => {
    const lock = await locks.acquire('r', { ttl: '300ms', autoRenew: false });
    const { signal } = lock;
    const next = await (await another()).acquire('r', { wait: '20s' });
    await soon('it knows', () => signal.aborted);
    assert.ok(signal.reason instanceof LockLostError && signal.reason.resource === 'r');
    assert.equal(lock.isHeld, false);
    assert.equal(next.isHeld, true);
  }),
  locksConform('the signal that is asked for after the loss is aborted already', async ({ locks }) => {
    const lock = await locks.acquire('r', { ttl: '50ms', autoRenew: false });
    await soon('it is lost', () => !lock.isHeld);
    assert.equal(lock.signal.aborted, true);
    assert.ok(lock.signal.reason instanceof LockLostError);
  }),
  locksConform('refresh gives it a new life, of the length it had or another', async ({ locks }) => {
    const lock = await locks.acquire('r', { ttl: '1h', autoRenew: false });
    await lock.refresh('2h');
    const longer = (await locks.inspect('r')).ttl;
    assert.ok(longer > 7_100_000 && longer <= 7_200_000, `${longer} ms`);
    await lock.refresh();
    assert.ok((await locks.inspect('r')).ttl > 7_100_000);
    await lock.refresh('30m');
    assert.ok((await locks.inspect('r')).ttl <= 1_800_000);
    assert.equal(lock.isHeld, true);
    await lock.refresh('100ms');
    await soon('it ends sooner', () => !lock.isHeld);
  }),
  locksConform('what is lost or released cannot be refreshed', async ({ locks }) => {
    const lost = await locks.acquire('r', { ttl: '50ms', autoRenew: false });
    await soon('it is lost', () => !lost.isHeld);
    await assert.rejects(lost.refresh(), LockLostError);
    const lock = await locks.acquire('r', { wait: '20s' });
    await lock.release();
    await assert.rejects(lock.refresh('1m'), LockLostError);
    assert.equal((await locks.inspect('r')).holder, undefined);
  }),
  locksConform('use says when the lock was lost while its function ran', async ({ locks }) => {
    const lost = underWay(
      locks.use('r', { ttl: '50ms', autoRenew: false }, async (lock) => {
        await soon('it is lost', () => !lock.isHeld);
        return 'too late';
      }),
    );
    await assert.rejects(lost, LockLostError);
    const error = new Error('of the function');
    const failed = underWay(
      locks.use('r', { ttl: '50ms', autoRenew: false, wait: '20s' }, async (lock) => {
        await soon('it is lost', () => !lock.isHeld);
        throw error;
      }),
    );
    await assert.rejects(failed, (thrown) => thrown === error);
  }),
  locksConform('stats and events tell what became of locks', async ({ locks, another }) => {
    // So that no time goes into connecting later.
    await (await locks.acquire('connected')).release();
    const told: string[] = [];
    locks.on('lock:acquired', ({ resource }) => void told.push(`acquired ${resource}`));
    locks.on('lock:contended', ({ resource }) => void told.push(`contended ${resource}`));
    locks.on('lock:timeout', ({ resource }) => void told.push(`timeout ${resource}`));
    locks.on('lock:released', ({ resource }) => void told.push(`released ${resource}`));
    locks.on('lock:lost', ({ resource, error }) => void told.push(`lost ${resource} ${error instanceof LockLostError}`));
    const before = locks.stats();
    const other = await (await another()).acquire('taken', { ttl: '1m' });
    await assert.rejects(locks.acquire('taken', { wait: '500ms' }));
    await other.release();
    const kept = await locks.acquire('kept');
    const short = await locks.acquire('short', { ttl: '50ms', autoRenew: false });
    assert.equal(locks.stats().held - before.held, 2);
    await soon('it is lost', () => !short.isHeld);
    await kept.release();
    const after = locks.stats();
    assert.ok(told.includes('contended taken') && told.includes('timeout taken'));
    assert.ok(told.includes('acquired kept') && told.includes('released kept') && told.includes('lost short true'));
    for (const name of ['contended', 'timedOut', 'lost'] as const) assert.equal(after[name] > before[name], true, name);
    assert.ok(after.acquired - before.acquired >= 2 && after.released > before.released);
    assert.equal(after.held, before.held);
    assert.equal(after.waitTime.count, after.acquired);
    assert.equal(after.holdTime.count, after.released + after.lost);
    assert.equal(after.waitTime.buckets.at(-1)?.count, after.waitTime.count);
  }),
];
