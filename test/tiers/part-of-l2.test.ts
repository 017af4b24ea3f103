import { describe, expect, it } from 'vitest';
import { ConnectionError, DeadlineError } from '../../src/errors.js';
import type { Leases, Store } from '../../src/store.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { simulatedProcess, trace, world } from '../support/simulated-process.js';

const circuitBreaker = { resetTimeout: 1_000, errorThreshold: 50, volumeThreshold: 3, window: 2_000, probeTimeout: 300 };

/** What a Cluster is like while one of its nodes is away, or while it moves a key from one node to another. */
describe('an L2 of several nodes', () => {
  it.each([true, false])('opens the circuit for failures that are not of a part only: partial %s', async (partial) => {
    const { process } = world();
    const { l2 } = process('p');
    const details = { backend: 'redis', operation: 'write', partial };
    const broken: Store = {
      ...l2,
      write: (key) =>
        Promise.reject(key === 'slow' ? new DeadlineError('late', details) : new ConnectionError('gone', details)),
    };
    const { cache, core } = simulatedProcess(fakeClock(), broken, { circuitBreaker });
    for (let call = 0; call < 5; call++) await cache.set(call % 2 === 0 ? 'slow' : 'k', call);
    expect(core.l2?.circuit.state).toBe(partial ? 'closed' : 'open');
    expect(cache.peek('k')).toBe(3);
  });

  it('lets a load run whose key is on the move, hands its value to all who wait, and stores it nowhere', async () => {
    const { process, server, clock } = world();
    const { l2 } = process('p');
    let isMoving = true;
    const leases = l2.leases as Leases;
    const load: Leases['load'] = (...args) => (isMoving ? Promise.resolve({ state: 'moving' }) : leases.load(...args));
    const { cache } = simulatedProcess(clock, { ...l2, leases: { ...leases, load } });
    const lines = trace(cache);
    let runs = 0;
    const ask = () => Promise.all([1, 2, 3].map(() => cache.getOrSet('k', () => `value ${++runs}`)));
    expect(await ask()).toEqual(['value 1', 'value 1', 'value 1']);
    expect([cache.peek('k'), server.read('k'), server.leasedKeys()]).toEqual([undefined, undefined, []]);
    expect(await ask()).toEqual(['value 2', 'value 2', 'value 2']);
    isMoving = false;
    expect(await ask()).toEqual(['value 3', 'value 3', 'value 3']);
    expect([cache.peek('k'), server.read('k')?.value]).toEqual(['value 3', 'value 3']);
    expect(lines.filter((line) => line.startsWith('fill:refused'))).toEqual([]);
  });
});
