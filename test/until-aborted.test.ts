import { getEventListeners } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import { untilAborted } from '../src/until-aborted.js';
import { deferred, settled, world } from './support/simulated-process.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

it('many calls under one signal: one listener, no warning, none left behind', async () => {
  const warned = vi.spyOn(process, 'emitWarning');
  const { cache } = world().process('p');
  const { signal } = new AbortController();
  const factory = deferred<number>();
  const answers = Array.from({ length: 30 }, (_, i) => cache.getOrSet(`k${i % 20}`, () => factory.promise, { signal }));
  await settled();
  expect(listeners(signal)).toBe(1);
  factory.resolve(1);
  expect(await Promise.all(answers)).toEqual(Array(30).fill(1));
  expect(listeners(signal)).toBe(0);
  await cache.getOrSet('again', () => 1, { signal });
  expect([listeners(signal), warned.mock.calls]).toEqual([0, []]);
});

it('aborting ends every wait under that signal and no other', async () => {
  const [mine, other] = [new AbortController(), new AbortController()];
  const answer = deferred<number>();
  const aborted = Array.from({ length: 3 }, () => untilAborted(answer.promise, mine.signal));
  const kept = untilAborted(answer.promise, other.signal);
  const reason = new Error('hung up');
  mine.abort(reason);
  for (const one of aborted) await expect(one).rejects.toBe(reason);
  answer.resolve(1);
  expect(await kept).toBe(1);
  expect([listeners(mine.signal), listeners(other.signal)]).toEqual([0, 0]);
});

it('who is answered leaves, the others still wait', async () => {
  const abort = new AbortController();
  const [first, second] = [deferred<number>(), deferred<number>()];
  const answers = [first, second].map(({ promise }) => untilAborted(promise, abort.signal));
  first.reject(new Error('failed'));
  await expect(answers[0]).rejects.toThrow('failed');
  expect(listeners(abort.signal)).toBe(1);
  abort.abort();
  await expect(answers[1]).rejects.toMatchObject({ name: 'AbortError' });
  second.resolve(2);
  await settled();
  expect(listeners(abort.signal)).toBe(0);
});
