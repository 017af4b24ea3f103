import { describe, expect, it } from 'vitest';
import { ServerClock } from '../../../src/backends/redis/server-clock.js';
import { fakeClock } from '../../../src/testing/fake-clock.js';

describe('what is known of the clock of a server', () => {
  it('is taken from the middle of an exchange', () => {
    const clock = fakeClock(1_000_000);
    const server = new ServerClock(clock);
    expect(server.offset).toBe(0);
    const sentAt = clock.monotonic();
    clock.advance(10);
    server.measured(1_005_005, sentAt);
    expect(server.offset).toBe(5_000);
  });

  it('goes up at once: a reply is never older than it says', () => {
    const clock = fakeClock(1_000_000);
    const server = new ServerClock(clock);
    server.learn(1_000_700);
    expect(server.offset).toBe(700);
  });

  it('does not go down for slow replies among quick ones', () => {
    const clock = fakeClock(1_000_000);
    const server = new ServerClock(clock);
    server.measured(1_000_000, clock.monotonic());
    for (let round = 0; round < 100; round++) {
      clock.advance(10);
      server.learn(clock.now() - (round % 10 === 0 ? 0 : 300));
    }
    expect(server.offset).toBe(0);
  });

  it('follows a clock that was set back, after a row of samples, to the best of them', () => {
    const clock = fakeClock(1_000_000);
    const server = new ServerClock(clock);
    server.measured(1_000_000, clock.monotonic());
    for (let round = 0; round < 15; round++) server.learn(clock.now() - 60_000 - round);
    expect(server.offset).toBe(0);
    server.learn(clock.now() - 60_100);
    expect(server.offset).toBe(-60_000);
  });

  it('stays known when our own wall clock is set', () => {
    const clock = fakeClock(1_000_000);
    const server = new ServerClock(clock);
    expect(server.offset).toBe(0);
    server.measured(1_005_000, clock.monotonic());
    for (const step of [-3_600_000, 7_200_000, -3]) {
      const before = clock.now() + server.offset;
      clock.set(clock.now() + step);
      expect(clock.now() + server.offset).toBe(before);
      clock.advance(1_000);
      expect(clock.now() + server.offset).toBe(before + 1_000);
    }
    server.learn(clock.now() + server.offset - 300);
    expect(server.offset).toBe(5_000 + 3_600_000 - 7_200_000 + 3);
  });

  it('is doubted when our two clocks come apart by a step, once, and not when one is slewed', () => {
    const clock = fakeClock(1_000_000);
    let doubts = 0;
    const server = new ServerClock(clock, () => {
      doubts += 1;
    });
    server.measured(1_100_000, clock.monotonic());
    for (let round = 0; round < 1_000; round++) {
      clock.advance(100);
      clock.set(clock.now() + 4);
      expect(Math.abs(server.offset - (100_000 - 4 * (round + 1)))).toBeLessThanOrEqual(2);
    }
    expect(doubts).toBe(0);
    for (const step of [-60_000, 60_000]) {
      clock.set(clock.now() + step);
      doubts = 0;
      expect([server.offset, server.offset, doubts]).toEqual([server.offset, server.offset, 1]);
    }
  });

  it('is the same at every look, though one of our clocks shows whole ms only', () => {
    const clock = fakeClock(1_000_000);
    const coarse = { ...clock, now: () => Math.floor(clock.now()) };
    const server = new ServerClock(coarse);
    server.measured(1_005_000.4, coarse.monotonic());
    const seen = new Set<number>();
    for (let round = 0; round < 1_000; round++) {
      clock.advance(0.37);
      seen.add(server.offset);
    }
    expect(seen).toEqual(new Set([5_000]));
  });
});
