import { cacheBuilder, type Plugin, type PluginInfo, type TieredCache } from 'tierkeep';
import { expect, it, vi } from 'vitest';
import { fakeClock } from '../../src/testing/fake-clock.js';

it('are given the cache and what it is made with, in their order', () => {
  const given: [string, TieredCache, PluginInfo][] = [];
  const plugin = (name: string): Plugin => {
    return (cache, info) => void given.push([name, cache, info]);
  };
  const clock = fakeClock();
  const cache = cacheBuilder('shop').use(plugin('first')).clock(clock).logger(console).use(plugin('second')).build();
  const info = { name: 'shop', clock, logger: console };
  expect(given).toEqual([
    ['first', cache, info],
    ['second', cache, info],
  ]);
  expect(given[0]?.[1]).toBe(cache);
});

it('hear every event, and end when the cache has closed, the last one first', async () => {
  const told: string[] = [];
  const listen: Plugin = (cache) => {
    cache.on('miss', ({ key }) => told.push(`miss ${key}`));
    return () => told.push(`ends after ${cache.stats().misses} miss; ${cache.health().status}`);
  };
  const cache = cacheBuilder()
    .use(listen)
    .use(() => () => told.push('the second ends'))
    .build();
  await cache.get('k');
  const users = cache.namespace('users');
  await Promise.all([users.close(), cache.close(), cache.close()]);
  expect(told).toEqual(['miss k', 'the second ends', 'ends after 1 miss; closed']);
});

it('that fail to end are reported, and keep nobody else from ending', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const ended = vi.fn();
  const cache = cacheBuilder()
    .use(() => ended)
    .use(() => () => {
      throw new Error('no pen');
    })
    .use(() => async () => {
      throw new Error('no paper');
    })
    .build();
  await cache.close();
  expect(ended).toHaveBeenCalledOnce();
  await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(2));
  expect(warn.mock.calls.map(([text]) => text).sort()).toEqual([
    "a plugin of the cache 'tierkeep' failed to end: Error: no paper",
    "a plugin of the cache 'tierkeep' failed to end: Error: no pen",
  ]);
  warn.mockRestore();
});

it('that throw make build() throw, and what was begun is ended', async () => {
  const ended = vi.fn();
  let begun: TieredCache | undefined;
  const builder = cacheBuilder()
    .use((cache) => {
      begun = cache;
      return ended;
    })
    .use(() => {
      throw new Error('no exporter');
    });
  expect(() => builder.build()).toThrow('no exporter');
  await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce());
  await expect(begun?.get('k')).rejects.toMatchObject({ code: 'ERR_TIERKEEP_CLOSED' });
});
