import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { eventually } from '../support/eventually.js';
import { deferred, type ProcessOptions, pass, settled, simulatedProcess, trace, world } from '../support/simulated-process.js';

const life = { ttl: 1_000, grace: 600_000, softTimeout: 100, hardTimeout: 1_000 };

async function withStale(options: ProcessOptions = {}) {
  const w = world();
  const p = w.process('p', { defaults: life, ...options });
  await p.cache.set('k', 'old');
  await pass(w.clock, 2_000, 500);
  p.l2.sent.length = 0;
  const lines = trace(p.cache);
  const made = deferred<string>();
  const factory = vi.fn(() => made.promise);
  return { ...w, ...p, lines, made, factory };
}

/** Notes when a promise settles, and with what. */
function watched<T>(promise: Promise<T>): { readonly state: T | string } {
  const seen: { state: T | string } = { state: 'pending' };
  promise.then(
    (value) => {
      seen.state = value;
    },
    (error) => {
      seen.state = error.name;
    },
  );
  return seen;
}

describe('the soft time-out', () => {
  it('gives the stale value, and the factory goes on, keeps its lease and fills', async () => {
    const { cache, core, clock, server, l2, lines, made, factory } = await withStale();
    const answer = watched(cache.getOrSet('k', factory));
    await pass(clock, 95);
    expect(answer.state).toBe('pending');
    await pass(clock, 10);
    expect(answer.state).toBe('old');
    expect(core.refreshes.running).toBe(1);
    expect(server.leasedKeys()).toEqual(['k']);
    await pass(clock, 500);
    made.resolve('new');
    await settled();
    expect(server.read('k')?.value).toBe('new');
    expect(await cache.getOrSet('k', factory)).toBe('new');
    expect(lines).toEqual(['miss k', 'factory:start k', 'hit l2 k stale', 'factory:end k', 'hit l1 k']);
    expect(l2.sent).toEqual(['read k', 'load k', 'fill k']);
    expect(cache.stats()).toMatchObject({ misses: 1, staleServed: 1, factoryRuns: 1, hits: 1 });
    expect([core.refreshes.running, core.flights.size, core.fence.size, clock.pending]).toEqual([0, 0, 0, 0]);
  });

  it('means nothing where no stale value could stand in: then the hard one ends the wait', async () => {
    const { cache, clock, factory } = await withStale();
    const answer = watched(cache.getOrSet('nothing', factory));
    await pass(clock, 990);
    expect(answer.state).toBe('pending');
    await pass(clock, 20);
    expect(answer.state).toBe('FactoryTimeoutError');
  });

  it('means nothing to forceFresh', async () => {
    const { cache, clock, made, factory } = await withStale();
    const answer = watched(cache.getOrSet('k', factory, { forceFresh: true }));
    await pass(clock, 500);
    expect(answer.state).toBe('pending');
    made.resolve('new');
    await settled();
    expect(answer.state).toBe('new');
  });

  it('of 0 gives the stale value at once', async () => {
    const { cache, made, factory } = await withStale();
    expect(await cache.getOrSet('k', factory, { softTimeout: 0 })).toBe('old');
    made.resolve('new');
    await settled();
    expect(await cache.get('k')).toBe('new');
  });

  it('counts from the call: what is found later than that is served as soon as it is found', async () => {
    const { process, clock } = await withStale();
    const slow = process('slow', { defaults: { ...life, budget: 500 } });
    const gate = slow.gates.hold('read');
    const answer = watched(slow.cache.getOrSet('k', () => deferred<string>().promise));
    await gate.arrived;
    await pass(clock, 200);
    expect(answer.state).toBe('pending');
    gate.release();
    await settled();
    expect(answer.state).toBe('old');
    await slow.cache.close();
  });

  it('a stale value that ends before it stands in for nothing', async () => {
    const { cache, clock } = await withStale();
    await cache.set('short', 'old', { ttl: 50, grace: 50 });
    await pass(clock, 50);
    const answer = watched(cache.getOrSet('short', () => deferred<string>().promise));
    await pass(clock, 500);
    expect(answer.state).toBe('pending');
    await cache.close();
  });

  it('the hard one still ends the factory that goes on, and nobody is told twice', async () => {
    const { cache, core, clock, lines, server } = await withStale();
    let signal: AbortSignal | undefined;
    const answer = watched(
      cache.getOrSet('k', (context) => {
        signal = context.signal;
        return new Promise<string>((_, reject) => signal?.addEventListener('abort', () => reject(signal?.reason)));
      }),
    );
    await pass(clock, 105);
    expect([answer.state, signal?.aborted]).toEqual(['old', false]);
    await pass(clock, 900);
    expect(signal?.aborted).toBe(true);
    expect(lines.filter((line) => line.startsWith('hit'))).toEqual(['hit l2 k stale']);
    expect(cache.stats()).toMatchObject({ misses: 1, staleServed: 1, factoryErrors: 1 });
    expect([core.refreshes.running, core.flights.size, core.fence.size]).toEqual([0, 0, 0]);
    await pass(clock, 2_000, 100);
    expect(server.leasedKeys()).toEqual([]);
  });

  it('a timer that runs a moment before its time is not missed', async () => {
    const { cache, clock, factory, core } = await withStale();
    // As Node.js does: by performance.now() a timer is now and then some tenths of a millisecond early.
    const { schedule } = core.clock;
    Object.assign(core.clock, {
      schedule: (ms: number, task: () => void, awaited?: 'awaited') => schedule(Math.max(0, ms - 0.4), task, awaited),
    });
    const answer = watched(cache.getOrSet('k', factory));
    await settled();
    clock.advance(99.7);
    await settled();
    expect(answer.state).toBe('old');
    await cache.close();
  });

  it('with real time too', async () => {
    const { cache } = simulatedProcess(systemClock, undefined, {
      defaults: { ...life, ttl: 1, softTimeout: 2, hardTimeout: 60_000 },
    });
    const never = deferred<string>();
    for (let index = 0; index < 50; index += 1) await cache.set(`k${index}`, 'old');
    await eventually(() => cache.peek('k49') === undefined);
    const all = Promise.all(Array.from({ length: 50 }, (_, index) => cache.getOrSet(`k${index}`, () => never.promise)));
    expect(new Set(await all)).toEqual(new Set(['old']));
    await cache.close();
  });
});

describe('those who join', () => {
  it('each by his own patience: less, the same, more, none, and by his own hard time-out', async () => {
    const { cache, clock, made, factory } = await withStale();
    const first = watched(cache.getOrSet('k', factory));
    const hasty = watched(cache.getOrSet('k', factory, { softTimeout: 20 }));
    const same = watched(cache.getOrSet('k', factory));
    const patient = watched(cache.getOrSet('k', factory, { softTimeout: 400 }));
    const swr = watched(cache.getOrSet('k', factory, { swr: 60_000 }));
    const steadfast = watched(cache.getOrSet('k', factory, { softTimeout: 700, hardTimeout: 700 }));
    const states = () => [first, hasty, same, patient, swr, steadfast].map(({ state }) => state);
    await settled();
    const p = 'pending';
    expect(states()).toEqual([p, p, p, p, 'old', p]);
    await pass(clock, 25);
    expect(states()).toEqual([p, 'old', p, p, 'old', p]);
    await pass(clock, 80);
    expect(states()).toEqual(['old', 'old', 'old', p, 'old', p]);
    await pass(clock, 300);
    expect(states()).toEqual(['old', 'old', 'old', 'old', 'old', p]);
    await pass(clock, 200);
    made.resolve('new');
    await settled();
    expect(states()).toEqual(['old', 'old', 'old', 'old', 'old', 'new']);
    expect(factory).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ misses: 2, coalesced: 4, staleServed: 4 });
    expect(clock.pending).toBe(0);
  });

  it('one who has no time left gets the stale value at his hard time-out, while the first waits on', async () => {
    const { cache, clock, made, factory } = await withStale({ defaults: { ...life, softTimeout: Number.POSITIVE_INFINITY } });
    const first = watched(cache.getOrSet('k', factory));
    const short = watched(cache.getOrSet('k', factory, { hardTimeout: 50 }));
    const shortWithNothing = watched(cache.getOrSet('nothing', factory, { hardTimeout: 50 }));
    await pass(clock, 60);
    expect([first.state, short.state, shortWithNothing.state]).toEqual(['pending', 'old', 'FactoryTimeoutError']);
    made.resolve('new');
    await settled();
    expect(first.state).toBe('new');
  });

  it('one who comes when the load is in the background has his whole soft time-out from then on', async () => {
    const { cache, clock, made, factory } = await withStale();
    await Promise.all([cache.getOrSet('k', factory), pass(clock, 105)]);
    const late = watched(cache.getOrSet('k', factory));
    await pass(clock, 90);
    expect(late.state).toBe('pending');
    made.resolve('new');
    await settled();
    expect(late.state).toBe('new');
    expect(factory).toHaveBeenCalledTimes(1);
  });

  it('one who comes after the hard time-out gets the stale value at once', async () => {
    const { cache, clock, factory } = await withStale();
    await Promise.all([cache.getOrSet('k', factory), pass(clock, 1_100)]);
    expect(await cache.getOrSet('k', factory)).toBe('old');
    expect(factory).toHaveBeenCalledTimes(1);
    await cache.close();
  });

  it('another process is given the stale value as long as the lease is held', async () => {
    const { cache, process, clock, made, factory } = await withStale();
    const first = cache.getOrSet('k', factory);
    await pass(clock, 105);
    const theirs = vi.fn(() => 'theirs');
    const other = process('other', { defaults: life }).cache;
    expect(await other.getOrSet('k', theirs)).toBe('old');
    expect(await first).toBe('old');
    made.resolve('new');
    await settled();
    expect(await other.getOrSet('k', theirs)).toBe('new');
    expect(theirs).not.toHaveBeenCalled();
  });
});
