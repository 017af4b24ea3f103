import { mock } from 'node:test';
import { afterEach, expect, it, vi } from 'vitest';
import { systemClock } from '../src/clock.js';
import { cacheBuilder } from '../src/index.js';
import { eventually } from './support/eventually.js';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  mock.timers.reset();
});

const start = Date.UTC(2030, 0, 1);

async function expectExpiry(advance: (ms: number) => void): Promise<void> {
  const cache = cacheBuilder().memory().build();
  await cache.set('k', 1, { ttl: '1m' });
  expect(cache.peek('k')).toBe(1);
  advance(59_999);
  expect(cache.peek('k')).toBe(1);
  advance(1);
  expect(cache.peek('k')).toBeUndefined();
}

it('follows the fake timers of vitest, whatever it knew before', async () => {
  systemClock.coarseNow();
  vi.useFakeTimers({ now: start });
  expect(systemClock.coarseNow()).toBe(start);
  await expectExpiry((ms) => vi.advanceTimersByTime(ms));
  vi.setSystemTime(start);
  expect(systemClock.coarseNow()).toBe(start);
});

it('follows the mock timers of node:test', async () => {
  systemClock.coarseNow();
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: start });
  expect(systemClock.coarseNow()).toBe(start);
  await expectExpiry((ms) => mock.timers.tick(ms));
});

it('follows a Date.now that is replaced alone', () => {
  const now = vi.spyOn(Date, 'now');
  for (const time of [start, start + 1, start - 1]) {
    now.mockReturnValue(time);
    expect(systemClock.coarseNow()).toBe(time);
  }
});

it('goes on when only the timers were fake', async () => {
  // What the tests before left in the cache is forgotten by then.
  await new Promise((resolve) => setTimeout(resolve, 5));
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const before = systemClock.coarseNow();
  vi.useRealTimers();
  await eventually(() => expect(systemClock.coarseNow()).toBeGreaterThan(before));
});

it('goes on after fake timers', async () => {
  vi.useFakeTimers({ now: start });
  systemClock.coarseNow();
  vi.useRealTimers();
  expect(Math.abs(systemClock.coarseNow() - Date.now())).toBeLessThan(60_000);
  const before = systemClock.coarseNow();
  await eventually(() => expect(systemClock.coarseNow()).toBeGreaterThan(before));
});
