import { expect, it } from 'vitest';
import { fakeClock } from '../../src/testing/fake-clock.js';

it('stands still until advanced', () => {
  const clock = fakeClock(1_000);
  clock.advance(25);
  expect([clock.now(), clock.coarseNow(), clock.monotonic()]).toEqual([1_025, 1_025, 25]);
});

it('runs due tasks in order, each at its own time, those they schedule included', () => {
  const clock = fakeClock(0);
  const log: string[] = [];
  const note = (name: string) => () => log.push(`${name}@${clock.now()}`);
  clock.schedule(20, note('late'));
  clock.schedule(10, () => {
    note('first')();
    clock.schedule(5, note('nested'));
    clock.schedule(50, note('beyond'));
  });
  clock.schedule(10, note('second'));
  clock.schedule(10, note('cancelled')).cancel();
  clock.advance(30);
  expect(log).toEqual(['first@10', 'second@10', 'nested@15', 'late@20']);
  expect([clock.now(), clock.pending]).toEqual([30, 1]);
});

it('steps the wall clock without touching timers or durations', () => {
  const clock = fakeClock(1_000);
  let ran = false;
  clock.schedule(10, () => {
    ran = true;
  });
  clock.set(5_000_000);
  expect([clock.now(), clock.monotonic(), ran]).toEqual([5_000_000, 0, false]);
  clock.advance(10);
  expect([clock.now(), ran]).toEqual([5_000_010, true]);
});

it('does not go backwards by advance', () => {
  expect(() => fakeClock().advance(-1)).toThrow(RangeError);
  expect(() => fakeClock().advance(Number.NaN)).toThrow(RangeError);
});
