import assert from 'node:assert/strict';
import { LockError } from '../../errors.js';
import { type LockConformanceCase, locksConform, soon, underWay } from './lock-case.js';

/** To have it or not, and to give it back. */
export const takingCases: readonly LockConformanceCase[] = [
  locksConform('acquire gives a lock that is held, with a fencing token', async ({ locks }) => {
    const lock = await locks.acquire('r');
    assert.equal(lock.resource, 'r');
    assert.equal(lock.isHeld, true);
    assert.equal(lock.signal.aborted, false);
    assert.notEqual(lock.scope, 'none');
    assert.ok(Number.isSafeInteger(lock.fencingToken) && lock.fencingToken > 0);
  }),
  locksConform('tryAcquire is undefined while somebody else has it, and has it afterwards', async ({ locks, another }) => {
    const other = await another();
    const lock = await locks.tryAcquire('r');
    assert.equal(lock?.isHeld, true);
    assert.equal(await other.tryAcquire('r'), undefined);
    assert.equal(await locks.tryAcquire('r'), undefined);
    assert.equal(await lock.release(), true);
    assert.equal((await other.tryAcquire('r'))?.isHeld, true);
  }),
  locksConform('locks of different resources do not touch each other', async ({ locks }) => {
    const names = ['r', 'r2', ' r', 'r ', '{r}', 'a{r}b', '}r', 'R', 'r:1', 'r*', '__proto__', 'ключ', 'a b\nc'];
    const all = await Promise.all(names.map((name) => locks.tryAcquire(name)));
    for (const [index, lock] of all.entries()) assert.equal(lock?.resource, names[index]);
    assert.equal(await all[0]?.release(), true);
    for (const lock of all.slice(1)) assert.equal(lock?.isHeld, true);
  }),
  locksConform('release gives it back once, and is no loss', async ({ locks }) => {
    const lock = await locks.acquire('r');
    const { signal } = lock;
    assert.equal(await lock.release(), true);
    assert.equal(lock.isHeld, false);
    assert.equal(await lock.release(), false);
    assert.equal(signal.aborted, false);
    assert.equal((await locks.inspect('r')).holder, undefined);
  }),
  locksConform('fencing tokens grow from holder to holder', async ({ locks, another }) => {
    const both = [locks, await another()];
    let last = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      const lock = await (both[turn % 2] ?? locks).acquire('r');
      assert.ok(lock.fencingToken > last, `${lock.fencingToken} after ${last}`);
      last = lock.fencingToken;
      await lock.release();
    }
  }),
  locksConform('a lock that was lost gives back nothing of whoever has it now', async ({ locks, another }) => {
    const old = await locks.acquire('r', { ttl: '200ms', autoRenew: false });
    const now = await (await another()).acquire('r', { wait: '20s' });
    assert.ok(now.fencingToken > old.fencingToken);
    assert.equal(old.isHeld, false);
    assert.equal(await old.release(), false);
    assert.equal((await locks.inspect('r')).fencingToken, now.fencingToken);
    assert.equal(now.isHeld, true);
  }),
  locksConform('a block that uses it gives it back at its end', async ({ locks }) => {
    {
      await using lock = await locks.acquire('r');
      assert.equal(lock.isHeld, true);
    }
    assert.equal((await locks.tryAcquire('r'))?.isHeld, true);
  }),
  locksConform('use passes on what its function returns or throws, and gives the lock back', async ({ locks }) => {
    const seen: boolean[] = [];
    assert.equal(await locks.use('r', (lock) => seen.push(lock.isHeld)), 1);
    assert.deepEqual(await locks.use('r', { ttl: '5s' }, async ({ resource }) => [resource]), ['r']);
    const error = new Error('of the function');
    await assert.rejects(locks.use('r', () => Promise.reject(error)), (thrown) => thrown === error); // biome-ignore format: one line
    await assert.rejects(
      locks.use('r', () => {
        throw error;
      }),
      (thrown) => thrown === error,
    );
    assert.deepEqual(seen, [true]);
    assert.equal((await locks.inspect('r')).holder, undefined);
  }),
  locksConform('who asks within a use for the lock that it has is refused; afterwards it is not', async ({ locks }) => {
    let left: Promise<unknown> | undefined;
    let over: () => void = () => {};
    const isOver = new Promise<void>((resolve) => {
      over = resolve;
    });
    await locks.use('r', async (lock) => {
      await assert.rejects(locks.acquire('r'), isReentrancy);
      await assert.rejects(locks.tryAcquire('r'), isReentrancy);
      await assert.rejects(locks.use('r', () => 1), isReentrancy); // biome-ignore format: one line
      await locks.use('other', () => assert.rejects(locks.acquire('r'), isReentrancy));
      assert.equal(lock.isHeld, true);
      left = isOver.then(() => locks.tryAcquire('r'));
    });
    over();
    assert.notEqual(await left, undefined);
  }),
  locksConform('inspect tells who has it, for how long, and how many wait', async ({ locks, another }) => {
    assert.deepEqual(await locks.inspect('r'), { ttl: 0, waiting: 0 });
    const lock = await locks.acquire('r', { ttl: '1h' });
    const waiting = underWay(locks.acquire('r', { wait: '20s' }));
    const other = await another();
    await soon('one waits', async () => (await other.inspect('r')).waiting === 1);
    const state = await other.inspect('r');
    assert.equal(state.fencingToken, lock.fencingToken);
    assert.ok(typeof state.holder === 'string' && state.holder !== '');
    assert.ok(state.ttl > 3_500_000 && state.ttl <= 3_600_000, `${state.ttl} ms`);
    await lock.release();
    await (await waiting).release();
    await soon('nobody has it', async () => (await other.inspect('r')).holder === undefined);
  }),
  locksConform('forceRelease takes it from whoever has it, and the holder hears of it', async ({ locks, another }) => {
    const other = await another();
    assert.equal(await other.forceRelease('r'), false);
    const lock = await locks.acquire('r', { ttl: '1h' });
    const { signal } = lock;
    assert.equal(await other.forceRelease('r'), true);
    const next = await other.tryAcquire('r');
    assert.ok(next !== undefined && next.fencingToken > lock.fencingToken);
    await soon('the holder knows', () => signal.aborted);
    assert.equal(lock.isHeld, false);
    assert.equal(await lock.release(), false);
    assert.equal(next.isHeld, true);
  }),
];

function isReentrancy(error: unknown): boolean {
  return error instanceof LockError && error.code === 'ERR_TIERKEEP_LOCK' && error.resource === 'r';
}
