import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CircuitOpenError } from '../../src/errors.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { Gate } from '../../src/tiers/gate.js';
import { settled, world } from '../support/simulated-process.js';

describe('the gate before L2', () => {
  it('gives places in turn, and a place goes straight to the first who waits', async () => {
    const gate = new Gate(1, 500, fakeClock());
    expect(gate.enter()).toBe(true);
    const order: string[] = [];
    const second = Promise.resolve(gate.enter()).then(() => order.push('second'));
    const third = Promise.resolve(gate.enter()).then(() => order.push('third'));
    gate.leave();
    await second;
    expect(order).toEqual(['second']);
    gate.leave();
    await third;
    gate.leave();
    expect(gate.enter()).toBe(true);
  });

  it('sends away who waited too long, and keeps no timer for who got in', async () => {
    const clock = fakeClock();
    const gate = new Gate(1, 500, clock);
    gate.enter();
    const late = gate.enter();
    clock.advance(500);
    expect(await late).toBe(false);
    const inTime = gate.enter();
    gate.leave();
    expect(await inTime).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('keeps most of a burst back, so that a budget runs only while L2 is asked', async () => {
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { cache, l2 } = world().process('p', { pass: () => answered });
    const burst = Array.from({ length: 600 }, (_, id) => cache.get(`k${id}`));
    await settled();
    expect(l2.sent.length).toBe(512);
    answer();
    await Promise.all(burst);
    expect(l2.sent.length).toBe(600);
  });
});

describe('after an outage the gate', () => {
  /** So many at a gate that was narrowed, each let in by `leave` alone. */
  function crowd(places: number, waiting: number, clock = fakeClock()) {
    const gate = new Gate(places, 500, clock);
    gate.narrow();
    let inside = 0;
    let gone = 0;
    for (let each = 0; each < waiting; each += 1) {
      const count = (entered: boolean) => {
        if (entered) inside += 1;
        else gone += 1;
      };
      const entered = gate.enter();
      if (entered === true) count(entered);
      else void entered.then(count);
    }
    /** All who are inside leave, as when the answers of one round trip come in. */
    const answers = async () => {
      const leaving = inside;
      inside = 0;
      for (let each = 0; each < leaving; each += 1) gate.leave();
      await settled();
    };
    return { gate, clock, answers, inside: () => inside, gone: () => gone };
  }

  it('begins with few places and has twice as many with each round trip, until it has all', async () => {
    const { answers, inside } = crowd(100, 1_000);
    const rounds: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      rounds.push(inside());
      await answers();
    }
    expect(rounds).toEqual([16, 32, 64, 100, 100, 100]);
  });

  it('lets nobody in while more are inside than it has places then', async () => {
    const gate = new Gate(40, 500, fakeClock());
    for (let each = 0; each < 40; each += 1) gate.enter();
    gate.narrow();
    let entered = false;
    void Promise.resolve(gate.enter()).then(() => {
      entered = true;
    });
    // 40 leave one after the other, each makes one place more: they meet half-way.
    const until = async (left: number) => {
      for (let each = 0; each < left; each += 1) gate.leave();
      await settled();
      return entered;
    };
    expect([await until(11), await until(1)]).toEqual([false, false]);
    expect(await until(1)).toBe(true);
  });

  it('never has more places than before', async () => {
    const { answers, inside } = crowd(5, 50);
    expect(inside()).toBe(5);
    await answers();
    expect(inside()).toBe(5);
  });

  it('sends away who waited too long, as ever', async () => {
    const { clock, inside, gone } = crowd(100, 20);
    clock.advance(500);
    await settled();
    expect([inside(), gone(), clock.pending]).toEqual([16, 4, 0]);
  });
});

describe('a cache whose L2 comes back', () => {
  // opossum takes the machine's own timers, at a time that is a matter of chance.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('does not send it at once all that is asked for by then', async () => {
    let answer: () => void = () => undefined;
    let held: Promise<void> | undefined;
    const circuitBreaker = { resetTimeout: 1_000, errorThreshold: 50, volumeThreshold: 5, window: 2_000, probeTimeout: 300 };
    const { cache, l2 } = world().process('p', { circuitBreaker, versions: 'off', pass: () => held });
    l2.down = true;
    for (let call = 0; call < 5; call += 1) await cache.get(`k${call}`);
    l2.down = false;
    vi.advanceTimersByTime(1_000);
    await settled();
    expect(cache.health().circuit?.state).toBe('closed');

    held = new Promise((resolve) => {
      answer = resolve;
    });
    l2.sent.length = 0;
    const burst = Array.from({ length: 200 }, (_, id) => cache.get(`k${id}`));
    await settled();
    expect(l2.sent.length).toBe(16);
    held = undefined;
    answer();
    await Promise.all(burst);
    expect(l2.sent.length).toBe(200);
    held = new Promise(() => undefined);
    for (let id = 0; id < 200; id += 1) void cache.get(`other${id}`);
    await settled();
    expect(l2.sent.length).toBe(400);
  });
});

describe('an atomic call that failed', () => {
  it('is counted and told', async () => {
    const { cache, l2 } = world().process('p', { versions: 'off' });
    const heard: string[] = [];
    cache.on('l2:error', ({ operation }) => heard.push(operation));
    l2.down = true;
    await expect(cache.increment('n')).rejects.toThrow();
    await expect(cache.setIfAbsent('n', 1)).rejects.toThrow();
    await expect(cache.expire('n', '1s')).rejects.toThrow();
    expect(heard).toEqual(['increment', 'writeIfAbsent', 'expire']);
    expect(cache.stats().l2Errors).toBe(3);
  });

  it('that was never sent leaves memory as it was', async () => {
    const { cache, l2, core } = world().process('p');
    l2.down = true;
    await cache.set('n', 5);
    const circuit = core.l2?.circuit as { state: string };
    circuit.state = 'open';
    await expect(cache.increment('n')).rejects.toBeInstanceOf(CircuitOpenError);
    expect(await cache.get('n')).toBe(5);
  });
});
