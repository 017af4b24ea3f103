import { describe, expect, it } from 'vitest';
import { ConnectionError, DeadlineError } from '../../src/errors.js';
import { locksOver } from '../../src/locks/locks.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { ailingNode, failing, unheard } from '../support/locks/ailing-node.js';
import { pass, settled } from '../support/simulated-process.js';

const away = new ConnectionError('Redis is away', { backend: 'redis', operation: 'lock', unsent: true });
const late = new DeadlineError('Redis did not answer in time', { backend: 'redis', operation: 'lock' });

function setUp() {
  const clock = fakeClock();
  const node = ailingNode(clock);
  return { clock, node, locks: locksOver({ clock, nodes: [node], scope: 'all' }) };
}

describe('what may have been had and is wanted by nobody', () => {
  it('is given back when the answer was lost, and again once nothing late can take it any more', async () => {
    const { clock, node, locks } = setUp();
    node.faults.ask = unheard(late);
    await expect(locks.acquire('r', { ttl: '1h' })).rejects.toThrow(DeadlineError);
    await settled();
    expect((await locks.inspect('r')).holder).toBeUndefined();
    // A request of that claim may be carried out until its deadline, 500 ms.
    expect(node.taken.release).toBe(1);
    await pass(clock, 600);
    expect(node.taken.release).toBe(2);
    await pass(clock, 60_000, 1_000);
    expect([node.taken.release, clock.pending]).toEqual([2, 0]);
  });

  it('needs no word where nothing was asked', async () => {
    const { clock, node, locks } = setUp();
    node.faults.ask = failing(away);
    await expect(locks.tryAcquire('r')).rejects.toThrow(ConnectionError);
    await pass(clock, 60_000, 1_000);
    expect([node.taken.release, clock.pending]).toEqual([0, 0]);
  });

  it('is told again until it is heard', async () => {
    const { clock, node, locks } = setUp();
    const lock = await locks.acquire('r', { ttl: '1h' });
    node.faults.release = failing(away);
    expect(await lock.release()).toBe(false);
    await pass(clock, 20_000, 1_000);
    expect(node.taken.release).toBeGreaterThan(5);
    expect((await locks.inspect('r')).holder).toBeDefined();
    node.faults = {};
    await pass(clock, 5_000, 1_000);
    expect((await locks.inspect('r')).holder).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('is told no longer than the lock would have lasted, nor after close', async () => {
    for (const end of ['ttl', 'close'] as const) {
      const { clock, node, locks } = setUp();
      const lock = await locks.acquire('r', { ttl: '30s' });
      node.faults.release = failing(away);
      await lock.release();
      if (end === 'close') {
        await pass(clock, 1_000, 100);
        const closing = locks.close();
        await pass(clock, 1_000, 100);
        await closing;
      } else await pass(clock, 31_000, 1_000);
      const { release } = node.taken;
      await pass(clock, 60_000, 1_000);
      expect([node.taken.release, clock.pending]).toEqual([release, 0]);
    }
  });

  it('is not had after close either: an answer that comes too late is given back', async () => {
    const { node, locks } = setUp();
    let answer: () => void = () => undefined;
    node.faults.ask = async (run) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return run();
    };
    const call = locks.acquire('r').catch((error: Error) => error.name);
    await settled();
    const closing = locks.close();
    answer();
    expect(await call).toBe('ClosedError');
    await closing;
    expect(node.taken.release).toBe(1);
  });
});

describe('who waits while nobody answers', () => {
  async function waiting(ms: number) {
    const { clock, node, locks } = setUp();
    const holder = await locks.acquire('r', { ttl: '1h', autoRenew: false });
    let outcome: unknown = 'waits';
    locks.acquire('r', { wait: '1h' }).then((lock) => {
      outcome = lock.isHeld;
    }, (error: Error) => {
      outcome = error;
    }); // biome-ignore format: one call
    await settled();
    node.faults.ask = failing(away);
    await pass(clock, ms, 100);
    return { clock, node, locks, holder, outcome: () => outcome };
  }

  it('goes on waiting for up to half a minute, and has it afterwards', async () => {
    const { clock, node, holder, outcome } = await waiting(29_000);
    expect(outcome()).toBe('waits');
    node.faults = {};
    await pass(clock, 3_000, 100);
    await holder.release();
    await pass(clock, 3_000, 100);
    expect(outcome()).toBe(true);
  });

  it('is told by the error of the outage when that lasts', async () => {
    const { clock, locks, outcome } = await waiting(33_000);
    expect(outcome()).toBe(away);
    expect(locks.stats().waiting).toBe(0);
    await pass(clock, 2_000, 100);
    expect((await locks.inspect('r')).waiting).toBe(0);
  });
});
