import { PassThrough } from 'node:stream';
import { progressBar } from 'tierkeep/progress';
import { expect, it } from 'vitest';
import { cacheBuilder } from '../../src/builder.js';

function screen(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120 });
  return { stream, shown: () => String(stream.read() ?? '') };
}

const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);

it('draws on a terminal until the warm-up is over', async () => {
  await using cache = cacheBuilder('shop').memory().build();
  const { stream, shown } = screen(true);
  const onProgress = progressBar({ label: 'users', stream });
  await cache.warm(keys, (asked) => [...asked], { batchSize: 5, onProgress });
  const first = shown();
  expect(first).toMatch(/users \[.*\] 25% 5\/20/);
  expect(first).toMatch(/100% 20\/20/);
  expect(first.endsWith('\n')).toBe(true);
  await cache.warm(keys.values(), (asked) => [...asked], { onProgress });
  expect(shown()).toMatch(/users 20/);
});

it('leaves the terminal alone after a warm-up that was given up', async () => {
  await using cache = cacheBuilder('shop').memory().build();
  const { stream, shown } = screen(true);
  const gone = new AbortController();
  const bar = progressBar({ stream });
  const answer = cache.warm(keys, (asked) => [...asked], {
    ...{ batchSize: 5, concurrency: 1, signal: gone.signal },
    onProgress: (progress) => {
      bar(progress);
      gone.abort();
    },
  });
  await expect(answer).rejects.toThrow('aborted');
  expect(shown().endsWith('\n')).toBe(true);
});

it('draws nothing where there is no terminal', async () => {
  await using cache = cacheBuilder('shop').memory().build();
  const { stream, shown } = screen(false);
  await cache.warm(keys, (asked) => [...asked], { onProgress: progressBar({ stream }) });
  expect(shown()).toBe('');
});
