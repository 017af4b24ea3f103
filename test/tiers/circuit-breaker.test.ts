import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackendError, CircuitOpenError, ConnectionError } from '../../src/errors.js';
import { settled, trace, world } from '../support/simulated-process.js';

const circuitBreaker = { resetTimeout: 1_000, errorThreshold: 50, volumeThreshold: 5, window: 2_000, probeTimeout: 300 };

// opossum takes the machine's own timers.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function started(options: { localRole?: 'tier' | 'stand-in' } = {}) {
  const w = world();
  const p = w.process('p', { circuitBreaker, versions: 'off', ...options });
  const lines = trace(p.cache);
  return {
    ...w,
    ...p,
    circuits: () => lines.filter((line) => line.startsWith('circuit')),
    state: () => p.cache.health().circuit?.state,
    async elapse(ms: number) {
      for (let gone = 0; gone < ms; gone += 50) {
        w.clock.advance(50);
        vi.advanceTimersByTime(50);
        await settled();
      }
    },
  };
}

/** Brings the circuit to open by L2 going down. */
async function opened(options: { localRole?: 'tier' | 'stand-in' } = {}) {
  const s = started(options);
  s.l2.down = true;
  for (let call = 0; call < 5; call += 1) await s.cache.get(`k${call}`);
  expect(s.state()).toBe('open');
  s.l2.sent.length = 0;
  return s;
}

describe('the circuit opens', () => {
  it('after five failures in a row, however busy it was before', async () => {
    const { cache, l2, state, circuits } = started();
    for (let call = 0; call < 1_000; call += 1) await cache.has(`k${call}`);
    l2.down = true;
    for (let call = 0; call < 4; call += 1) await cache.get('k');
    expect(state()).toBe('closed');
    await cache.get('k');
    expect(state()).toBe('open');
    expect(circuits()).toEqual(['circuit open']);
  });

  it('when more than half of the calls in the window failed', async () => {
    const { cache, l2, state } = started();
    const call = async (down: boolean) => {
      l2.down = down;
      await cache.get('k');
    };
    for (const down of [true, false, true, false]) await call(down);
    expect(state()).toBe('closed');
    await call(true);
    expect(state()).toBe('open');
  });

  it('not while four calls in a row fail now and then', async () => {
    const { cache, l2, state } = started();
    for (let round = 0; round < 20; round += 1) {
      for (let call = 0; call < 9; call += 1) {
        l2.down = call >= 5;
        await cache.get('k');
      }
    }
    expect(state()).toBe('closed');
  });

  it('not for errors that show that L2 is there', async () => {
    const { cache, gates, state } = started();
    for (let call = 0; call < 20; call += 1) {
      gates.hold('write').fail(new BackendError('OOM', { backend: 'shared', operation: 'write' }));
      await cache.set('k', call);
      await cache.set('text', 'text');
      await cache.increment('text').catch(() => undefined);
    }
    expect(state()).toBe('closed');
    expect(cache.stats().l2Errors).toBe(20);
  });

  it('by time-outs', async () => {
    const { cache, gates, state, elapse } = started();
    const calls = Array.from({ length: 5 }, (_, index) => {
      gates.hold('read');
      return cache.get(`k${index}`);
    });
    await elapse(500);
    await Promise.all(calls);
    expect(state()).toBe('open');
  });

  it('not by leases that could not be given back: nobody waits for that, and it may be told late', async () => {
    const { cache, l2, gates, state, elapse } = started();
    const gate = gates.hold('load', 'reply');
    const answer = cache.getOrSet('k', () => 'value');
    await gate.arrived;
    for (let call = 0; call < 10; call += 1) gates.hold('release');
    await elapse(500);
    await answer;
    expect(l2.sent).toContain('release k');
    await elapse(5_000);
    expect(cache.health().circuit).toMatchObject({ state: 'closed', lastError: expect.stringContaining('load') });
    expect(state()).toBe('closed');
  });
});

describe('while it is open', () => {
  it('nothing is sent, atomic calls say so at once, and memory serves', async () => {
    const { cache, l2, server, core, clock } = await opened();
    l2.down = false;
    await cache.set('a', 1);
    expect(await cache.get('a')).toBe(1);
    expect(await cache.getOrSet('b', () => 2)).toBe(2);
    await cache.setMany([['c', 3]]);
    expect(await cache.getMany(['a', 'b', 'c', 'd'])).toHaveProperty('size', 3);
    expect(await cache.delete('a')).toBe(true);
    await cache.deletePattern('c');
    for (const call of [cache.increment('n'), cache.setIfAbsent('k', 1), cache.expire('b', '1s'), cache.ping()]) {
      await expect(call).rejects.toBeInstanceOf(CircuitOpenError);
    }
    await expect(cache.increment('n')).rejects.toMatchObject({
      backend: 'shared',
      operation: 'increment',
      retryable: true,
      cause: expect.any(ConnectionError),
    });
    expect(l2.sent).toEqual([]);
    expect(server.entryKeys()).toEqual([]);
    expect(core.fence.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('health() tells since when and why', async () => {
    const { cache, clock } = await opened();
    expect(cache.health()).toMatchObject({
      status: 'degraded',
      circuit: { state: 'open', since: clock.now(), lastError: expect.stringMatching(/^ConnectionError: down/) },
    });
  });
});

describe('the probe', () => {
  it('is one PING after the reset time-out, while users’ calls are still kept off; its answer closes the circuit', async () => {
    const { cache, l2, gates, elapse, state, circuits } = await opened();
    l2.down = false;
    const gate = gates.hold('ping', 'reply');
    await elapse(950);
    expect(l2.sent).toEqual([]);
    await elapse(50);
    expect(state()).toBe('half-open');
    await cache.get('k');
    await cache.set('k', 1);
    expect(l2.sent).toEqual(['ping']);
    gate.release();
    await settled();
    expect(state()).toBe('closed');
    expect(circuits()).toEqual(['circuit open', 'circuit half-open', 'circuit closed']);
    await cache.has('j');
    // What was set meanwhile is told before anything is read.
    expect(l2.sent).toEqual(['ping', 'retract k', 'read j']);
    expect(cache.health()).toMatchObject({ status: 'ok' });
  });

  it.each([
    [0, 800],
    [0.25, 900],
    [1, 1_200],
  ])('comes up to a fifth sooner or later by chance, each time anew (%d)', async (chance, ms) => {
    vi.mocked(Math.random).mockReturnValueOnce(chance);
    const { elapse, state, circuits, l2 } = await opened();
    await elapse(ms - 50);
    expect(circuits()).toEqual(['circuit open']);
    await elapse(50);
    expect(circuits()).toEqual(['circuit open', 'circuit half-open', 'circuit open']);
    await elapse(950);
    expect(circuits()).toHaveLength(3);
    l2.down = false;
    await elapse(50);
    expect(state()).toBe('closed');
  });

  it('that fails opens it for another reset time-out', async () => {
    const { elapse, state, circuits, l2 } = await opened();
    await elapse(1_000);
    expect(state()).toBe('open');
    await elapse(950);
    expect(circuits()).toHaveLength(3);
    l2.down = false;
    await elapse(50);
    expect(state()).toBe('closed');
    expect(circuits()).toEqual(['circuit open', 'circuit half-open', 'circuit open', 'circuit half-open', 'circuit closed']);
  });

  it('that is not answered ends with its own time-out', async () => {
    const { elapse, state, l2, gates } = await opened();
    l2.down = false;
    gates.hold('ping');
    await elapse(1_250);
    expect(state()).toBe('half-open');
    await elapse(50);
    expect(state()).toBe('open');
    await elapse(1_000);
    expect(state()).toBe('closed');
  });

  it('that is answered closes it, even if a call from before the opening fails meanwhile', async () => {
    const s = started();
    const stuck = s.gates.hold('read');
    const old = s.cache.get('old', { budget: '1m' });
    await stuck.arrived;
    s.l2.down = true;
    for (let call = 0; call < 5; call += 1) await s.cache.get('k');
    s.l2.down = false;
    const gate = s.gates.hold('ping', 'reply');
    await s.elapse(1_000);
    expect(s.state()).toBe('half-open');
    stuck.fail(new ConnectionError('cut long ago', { backend: 'shared', operation: 'read' }));
    await old;
    gate.release();
    await settled();
    expect(s.state()).toBe('closed');
  });

  it('empties the memory that stood in, so that it is not old at the next outage', async () => {
    const { cache, core, elapse, l2, state } = await opened({ localRole: 'stand-in' });
    await cache.set('k', 'stood in');
    expect(await cache.get('k')).toBe('stood in');
    l2.down = false;
    await elapse(1_000);
    expect(state()).toBe('closed');
    expect(core.local.size).toBe(0);
    l2.down = true;
    expect(await cache.get('k')).toBeUndefined();
  });

  it('leaves in L1 what was loaded meanwhile', async () => {
    const { cache, elapse, l2, state } = await opened();
    await cache.getOrSet('k', () => 'L1');
    l2.down = false;
    await elapse(1_000);
    expect(state()).toBe('closed');
    expect(cache.peek('k')).toBe('L1');
  });

  it.each(['open', 'half-open'] as const)('is not sent once the cache is closed (%s)', async (when) => {
    const { cache, l2, gates, elapse, circuits } = await opened();
    l2.down = false;
    const gate = gates.hold('ping', 'reply');
    if (when === 'half-open') await elapse(1_000);
    const before = [...circuits()];
    const closed = cache.close();
    gate.release();
    await elapse(2_000);
    await closed;
    expect(l2.sent).toEqual(when === 'half-open' ? ['ping'] : []);
    expect(circuits()).toEqual(before);
    expect(vi.getTimerCount()).toBe(0);
  });
});
