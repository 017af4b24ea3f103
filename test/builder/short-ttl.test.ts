import { expect, it, vi } from 'vitest';

it('warns once in a process that a small bare ttl means milliseconds', async () => {
  vi.resetModules();
  const { cacheBuilder } = await import('tierkeep');
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  await using cache = cacheBuilder().memory().ttl('60ms').ttl(1_000).grace(5).build();
  await cache.set('k', 1, { ttl: '5ms' });
  // What is left of a life is a number that nobody wrote.
  await using before = cacheBuilder().tier(cache).build();
  await before.set('k', 1, { ttl: '500ms' });
  expect(warn).not.toHaveBeenCalled();
  cacheBuilder().ttl(60);
  cacheBuilder().ttl(61);
  await cache.set('k', 1, { ttl: 7 });
  expect(warn.mock.calls).toEqual([
    [
      "ttl 60 means 60 ms. Write '60s' for seconds, '60ms' to be rid of this warning.",
      { type: 'TierkeepWarning', code: 'TIERKEEP_SHORT_TTL' },
    ],
  ]);
  warn.mockRestore();
});
