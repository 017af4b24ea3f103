import { describe, expect, it } from 'vitest';
import { ConnectionError, LockLostError, LockNotAcquiredError } from '../../src/errors.js';
import { locksOver } from '../../src/locks/locks.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { ailingNode, failing, silent } from '../support/locks/ailing-node.js';
import { pass, settled } from '../support/simulated-process.js';

const away = new ConnectionError('Redis is away', { backend: 'redis', operation: 'renewLock' });

function setUp() {
  const clock = fakeClock();
  const node = ailingNode(clock);
  /** By how much this process stood still, which no timer knows of yet. */
  const stood = { ms: 0 };
  const own = { ...clock, monotonic: () => clock.monotonic() + stood.ms };
  const locks = locksOver({ clock: own, nodes: [node], scope: 'all' });
  return { clock, node, locks, stood };
}

describe('a held lock', () => {
  it('is renewed at each third of its ttl, whatever the wall clock shows', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '30s' });
    clock.set(0);
    await pass(clock, 9_400, 100);
    expect(node.taken.renew).toBe(0);
    await pass(clock, 600);
    expect(node.taken.renew).toBe(1);
    await pass(clock, 90_000, 100);
    expect(node.taken.renew).toBeGreaterThanOrEqual(9);
    expect(node.taken.renew).toBeLessThanOrEqual(12);
    expect(lock.isHeld).toBe(true);
    expect((await locks.inspect('r')).ttl).toBeGreaterThan(19_000);
    await locks.close();
  });

  it.each([
    ['are refused', failing(away)],
    ['are never answered', silent],
  ])('ends with its validity if its renewals %s, and its signal aborts at that moment', async (_, fault) => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '10s' });
    const lost: unknown[] = [];
    locks.on('lock:lost', (event) => lost.push(event));
    const { signal } = lock;
    node.faults.renew = fault;
    // 10 s less 1 % and 2 ms.
    await pass(clock, 9_800, 100);
    await pass(clock, 97, 1);
    expect([lock.isHeld, signal.aborted]).toEqual([true, false]);
    await pass(clock, 1);
    expect([lock.isHeld, signal.aborted]).toEqual([false, true]);
    expect(signal.reason).toBeInstanceOf(LockLostError);
    expect(lost).toEqual([{ resource: 'r', fencingToken: lock.fencingToken, error: signal.reason }]);
    // Nobody has to wait for what is left of it.
    await settled();
    expect(node.taken.release).toBe(1);
    expect(await locks.tryAcquire('r')).toBeDefined();
    await locks.close();
  });

  it('outlasts a renewal or two that fail', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '30s' });
    node.faults.renew = failing(away);
    await pass(clock, 15_000, 100);
    expect(node.taken.renew).toBeGreaterThan(2);
    node.faults = {};
    await pass(clock, 60_000, 100);
    expect(lock.isHeld).toBe(true);
    await locks.close();
  });

  it('is lost as soon as a renewal finds that somebody else has it', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '30s' });
    const { signal } = lock;
    await node.listen('nobody', { granted() {}, revoked() {}, heard() {}, doubted() {} });
    node.faults.renew = async () => [false];
    await pass(clock, 10_000, 100);
    expect([lock.isHeld, signal.aborted]).toEqual([false, true]);
    expect(String(signal.reason)).toContain("The lock 'r' was lost: somebody else has it, or Redis has lost it.");
    await locks.close();
  });

  it('is no longer held at the first instruction after a pause of its process, before any timer has run', async () => {
    const { locks, stood } = setUp();
    const lock = await locks.acquire('r', { ttl: '10s' });
    const { signal } = lock;
    stood.ms = 9_898;
    expect(signal.aborted).toBe(false);
    expect(lock.isHeld).toBe(false);
    expect(signal.aborted).toBe(true);
    await expect(lock.refresh()).rejects.toThrow(LockLostError);
    expect(await lock.release()).toBe(false);
    await locks.close();
  });

  it('is not renewed any more once it is released, not even by the answer of a renewal under way', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '10s' });
    let answer: () => void = () => undefined;
    node.faults.renew = async (run) => {
      const reply = await run();
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return reply;
    };
    await pass(clock, 3_400, 100);
    expect(node.taken.renew).toBe(1);
    expect(await lock.release()).toBe(true);
    answer();
    await pass(clock, 60_000, 100);
    expect([lock.isHeld, node.taken.renew, clock.pending]).toEqual([false, 1, 0]);
  });

  it('is none if its time was over before it was heard of', async () => {
    const { clock, node, locks } = setUp();
    node.faults.ask = async (run) => {
      const reply = await run();
      clock.advance(100);
      return reply;
    };
    await expect(locks.acquire('r', { ttl: '100ms', wait: 0 })).rejects.toThrow(LockNotAcquiredError);
    await settled();
    expect((await locks.inspect('r')).holder).toBeUndefined();
  });

  it('that is refreshed to a shorter life counts on no more than that, answered or not', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '60s', autoRenew: false });
    node.faults.renew = silent;
    void lock.refresh('1s');
    await pass(clock, 987);
    expect(lock.isHeld).toBe(true);
    await pass(clock, 1);
    expect([lock.isHeld, lock.signal.aborted]).toEqual([false, true]);
    await locks.close();
  });

  it('counts on no more either when an older request is answered after it', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '60s', autoRenew: false });
    const answers: (() => void)[] = [];
    node.faults.renew = async (run) => {
      const reply = await run();
      await new Promise<void>((resolve) => answers.push(resolve));
      return reply;
    };
    void lock.refresh('60s');
    void lock.refresh('1s');
    await settled();
    for (const answer of answers.reverse()) answer();
    await pass(clock, 987);
    expect(lock.isHeld).toBe(true);
    await pass(clock, 1);
    expect(lock.isHeld).toBe(false);
    await locks.close();
  });

  it('keeps the length that it was refreshed to, whatever renewal goes out before the answer', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '30s' });
    const answers: (() => void)[] = [];
    node.faults.renew = async (run) => {
      const reply = await run();
      await new Promise<void>((resolve) => answers.push(resolve));
      return reply;
    };
    const refreshed = lock.refresh('2h');
    void lock.refresh();
    await settled();
    for (const answer of answers) answer();
    await refreshed;
    expect((await locks.inspect('r')).ttl).toBe(7_200_000);
    node.faults = {};
    await pass(clock, 3_000_000, 100_000);
    expect(lock.isHeld).toBe(true);
    await locks.close();
  });

  it('keeps no process alive; a wait does until its end', async () => {
    const { clock, locks } = setUp();
    await locks.acquire('r');
    expect([clock.awaited, clock.pending > 0]).toEqual([0, true]);
    const waiting = locks.acquire('r', { wait: '1s' }).catch((error: unknown) => error);
    await settled();
    expect(clock.awaited).toBe(1);
    await pass(clock, 1_000, 100);
    expect(await waiting).toBeInstanceOf(LockNotAcquiredError);
    expect(clock.awaited).toBe(0);
    const closing = locks.close();
    await pass(clock, 1_000, 100);
    await closing;
    expect(clock.pending).toBe(0);
  });
});

describe('10,000 locks', () => {
  it('that were taken at one time are renewed by twenty requests', async () => {
    const { clock, node, locks } = setUp();
    const held = await Promise.all(Array.from({ length: 10_000 }, (_, index) => locks.acquire(`r${index}`, { ttl: '30s' })));
    await pass(clock, 10_000, 100);
    expect(node.taken.renew).toBe(20);
    await pass(clock, 100_000, 2_000);
    expect(held.every((lock) => lock.isHeld)).toBe(true);
    expect(locks.stats().held).toBe(10_000);
    await Promise.all(held.map((lock) => lock.release()));
    expect([locks.stats().held, clock.pending]).toEqual([0, 0]);
  });

  it('that were taken one after the other go together all the same', async () => {
    const { clock, node, locks } = setUp();
    for (let index = 0; index < 10_000; index += 1) {
      await locks.acquire(`r${index}`, { ttl: '30s' });
      clock.advance(1);
    }
    const before = node.taken.renew;
    await pass(clock, 10_000, 100);
    expect(node.taken.renew - before).toBeLessThanOrEqual(40);
    await locks.close();
  });
});
