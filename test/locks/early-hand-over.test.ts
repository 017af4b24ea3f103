import { memoryLocks } from 'tierkeep/locks';
import { expect, it } from 'vitest';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { settled } from '../support/simulated-process.js';

it('a hand-over that is told before the request has been answered is heard', async () => {
  // Nobody asks again of his own accord where time stands still.
  await using locks = memoryLocks({ clock: fakeClock() });
  const first = await locks.acquire('door');
  const taken: string[] = [];
  const second = locks.acquire('door').then((lock) => {
    taken.push('second');
    return lock.release();
  });
  const third = locks.acquire('door').then(() => taken.push('third'));
  void first.release();
  await settled();
  expect(taken).toEqual(['second', 'third']);
  await Promise.all([second, third]);
});
