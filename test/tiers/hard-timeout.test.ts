import { describe, expect, it, vi } from 'vitest';
import { FactoryTimeoutError } from '../../src/errors.js';
import { deferred, pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

const never = () => new Promise<never>(() => undefined);
const hardTimeout = 1_000;

function started(leaseMs = 10_000) {
  const w = world({ leaseMs });
  return { ...w, ...w.process('p', { defaults: { hardTimeout } }) };
}

describe('a factory that takes longer than the hard time-out', () => {
  it('every caller gets a FactoryTimeoutError, and its signal aborts', async () => {
    const { cache, clock } = started();
    let signal: AbortSignal | undefined;
    const run = vi.fn((context: { signal: AbortSignal }) => {
      signal = context.signal;
      return never();
    });
    const answers = Promise.allSettled(Array.from({ length: 100 }, () => cache.getOrSet('k', run)));
    await pass(clock, hardTimeout - 5);
    expect(signal?.aborted).toBe(false);
    await pass(clock, 5);
    for (const answer of await answers) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { name: 'FactoryTimeoutError', key: 'k', retryable: true } });
    }
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toBeInstanceOf(FactoryTimeoutError);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('keeps its place: who comes later waits for it too, and gets its value', async () => {
    const { cache, clock, server } = started();
    const slow = deferred<string>();
    const first = cache.getOrSet('k', () => slow.promise);
    first.catch(() => undefined);
    await pass(clock, hardTimeout);
    await expect(first).rejects.toBeInstanceOf(FactoryTimeoutError);
    const second = vi.fn(() => 'second');
    const joined = cache.getOrSet('k', second);
    await pass(clock, hardTimeout / 2);
    slow.resolve('slow');
    expect(await joined).toBe('slow');
    expect(second).not.toHaveBeenCalled();
    await settled();
    expect(server.read('k')?.value).toBe('slow');
    expect(cache.peek('k')).toBe('slow');
    expect(clock.pending).toBe(0);
  });

  it('who joins it late waits one hard time-out of its own', async () => {
    const { cache, clock } = started();
    const first = cache.getOrSet('k', never);
    first.catch(() => undefined);
    await pass(clock, hardTimeout + 500);
    const late = cache.getOrSet('k', never);
    let outcome: unknown;
    late.catch((error: unknown) => {
      outcome = error;
    });
    await pass(clock, hardTimeout - 5);
    expect(outcome).toBeUndefined();
    await pass(clock, 5);
    expect(outcome).toBeInstanceOf(FactoryTimeoutError);
  });

  it('the error of a late failure reaches those who joined late', async () => {
    const { cache, clock, core, server } = started();
    const slow = deferred<string>();
    const first = cache.getOrSet('k', () => slow.promise);
    first.catch(() => undefined);
    await pass(clock, hardTimeout);
    const late = cache.getOrSet('k', never);
    const error = new Error('broken after all');
    slow.reject(error);
    await expect(late).rejects.toBe(error);
    await settled();
    expect(server.leasedKeys()).toEqual([]);
    expect(core.flights.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('is given up after a second hard time-out: one new factory per two time-outs, never a pile of them', async () => {
    const { cache, clock, core } = started();
    const run = vi.fn(never);
    for (let time = 0; time < 10 * hardTimeout; time += 100) {
      cache.getOrSet('k', run).catch(() => undefined);
      await pass(clock, 100, 50);
    }
    expect(run).toHaveBeenCalledTimes(5);
    await pass(clock, 3 * hardTimeout);
    expect(core.flights.size).toBe(0);
    expect(core.fence.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('once given up it stores nothing, though its lease would have lasted, and another process need not wait', async () => {
    const { cache, clock, server, process } = started(60_000);
    const slow = deferred<string>();
    const first = cache.getOrSet('k', () => slow.promise);
    first.catch(() => undefined);
    await pass(clock, 2 * hardTimeout);
    expect(server.leasedKeys()).toEqual([]);
    expect(await process('other').cache.getOrSet('k', () => 'other')).toBe('other');
    slow.resolve('slow');
    await settled();
    expect(server.read('k')?.value).toBe('other');
    expect(cache.peek('k')).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  it('without L2 too', async () => {
    const { clock } = world();
    const { cache, core } = simulatedProcess(clock, undefined, { defaults: { hardTimeout } });
    const slow = deferred<string>();
    const run = vi.fn(() => slow.promise);
    const first = cache.getOrSet('k', run);
    first.catch(() => undefined);
    await pass(clock, 2 * hardTimeout);
    await expect(first).rejects.toBeInstanceOf(FactoryTimeoutError);
    expect(core.fence.size).toBe(0);
    slow.resolve('too late');
    await settled();
    expect(cache.peek('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'anew')).toBe('anew');
  });

  it('a stale value answers at the time-out, to those who wait and to those who come later', async () => {
    const { cache, clock } = started();
    const lines = trace(cache);
    await cache.set('k', 'old', { ttl: '1s', grace: '1h' });
    await pass(clock, 1_000);
    const first = cache.getOrSet('k', never);
    await pass(clock, hardTimeout);
    expect(await first).toBe('old');
    expect(await cache.getOrSet('k', never)).toBe('old');
    expect(cache.stats()).toMatchObject({ staleServed: 2, factoryRuns: 1, coalesced: 1 });
    expect(lines).toEqual(['set k', 'miss k', 'factory:start k', 'hit l2 k stale', 'hit l2 k stale']);
  });
});

describe('a caller’s own hard time-out', () => {
  it('ends its wait for a load that another started with a longer one, and harms neither', async () => {
    const { cache, clock } = started();
    const factory = deferred<string>();
    let signal: AbortSignal | undefined;
    const patient = cache.getOrSet(
      'k',
      (context) => {
        signal = context.signal;
        return factory.promise;
      },
      { hardTimeout: '1m' },
    );
    await pass(clock, 100);
    const hasty = cache.getOrSet('k', never, { hardTimeout: '100ms' });
    hasty.catch(() => undefined);
    await pass(clock, 100);
    await expect(hasty).rejects.toThrow('within the hard time-out of 100 ms');
    expect(signal?.aborted).toBe(false);
    factory.resolve('value');
    expect(await patient).toBe('value');
    expect(clock.pending).toBe(0);
  });

  it('lets the stale value answer, where there is one', async () => {
    const { cache, clock } = started();
    await cache.set('k', 'old', { ttl: '1s', grace: '1h' });
    await pass(clock, 1_000);
    const factory = deferred<string>();
    const patient = cache.getOrSet('k', () => factory.promise, { hardTimeout: '1m' });
    await settled();
    const hasty = cache.getOrSet('k', never, { hardTimeout: '100ms' });
    await pass(clock, 100);
    expect(await hasty).toBe('old');
    factory.resolve('new');
    expect(await patient).toBe('new');
  });
});

describe('factories that wait for each other', () => {
  it('one that asks for its own key through another cache over the same L2 ends with the time-out', async () => {
    const { cache, clock, core, process } = started();
    const other = process('other').cache;
    const answer = cache.getOrSet('k', () => other.getOrSet('k', never));
    answer.catch(() => undefined);
    await pass(clock, hardTimeout);
    await expect(answer).rejects.toBeInstanceOf(FactoryTimeoutError);
    await pass(clock, 60_000);
    expect(core.fence.size).toBe(0);
  });

  it('two that need each other’s key do too, here and across processes', async () => {
    const { process, clock } = world();
    const [one, two] = ['one', 'two'].map((name) => process(name, { defaults: { hardTimeout } }).cache);
    const answers = Promise.allSettled([
      one?.getOrSet('a', () => one.getOrSet('b', () => 'b')),
      two?.getOrSet('b', () => two.getOrSet('a', () => 'a')),
    ]);
    await pass(clock, 4 * hardTimeout);
    const outcomes = await answers;
    expect(outcomes.map(({ status }) => status)).toContain('rejected');
    expect(clock.pending).toBe(0);
  });
});

describe('a hard time-out before the factory', () => {
  it('while another process loads: nothing was run, so the next caller starts anew', async () => {
    const { cache, clock, process, core } = started();
    const theirs = deferred<string>();
    const other = process('other').cache.getOrSet('k', () => theirs.promise);
    await settled();
    const run = vi.fn(() => 'mine');
    const mine = cache.getOrSet('k', run);
    mine.catch(() => undefined);
    await pass(clock, hardTimeout);
    await expect(mine).rejects.toBeInstanceOf(FactoryTimeoutError);
    expect(run).not.toHaveBeenCalled();
    expect(core.flights.size).toBe(0);
    const again = cache.getOrSet('k', run);
    await pass(clock, 100);
    theirs.resolve('theirs');
    await other;
    await pass(clock, 100);
    expect(await again).toBe('theirs');
    expect(run).not.toHaveBeenCalled();
  });

  it('while L2 answers: a lease that comes too late is given back, and the factory is not begun', async () => {
    const { cache, clock, gates, server, core } = started();
    const gate = gates.hold('load', 'reply');
    const run = vi.fn(() => 'value');
    const answer = cache.getOrSet('k', run, { hardTimeout: '100ms', budget: 1_000 });
    answer.catch(() => undefined);
    await pass(clock, 150);
    await expect(answer).rejects.toBeInstanceOf(FactoryTimeoutError);
    gate.release();
    await settled();
    expect(run).not.toHaveBeenCalled();
    expect(server.leasedKeys()).toEqual([]);
    expect(core.fence.size).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
