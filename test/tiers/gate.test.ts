import { describe, expect, it } from 'vitest';
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
