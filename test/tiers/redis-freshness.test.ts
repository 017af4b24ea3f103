import { expect, it, vi } from 'vitest';
import { anotherProcess } from '../support/another-process.js';
import { eventually } from '../support/eventually.js';
import { ownName } from '../support/shared-topologies.js';

const newCache = anotherProcess();

async function withStale() {
  const name = ownName('freshness');
  const [here, there] = [await newCache(name), await newCache(name)];
  // Jitter too, of which Redis is to be told whole milliseconds.
  await here.set('k', 'old', { ttl: '200ms', jitter: '190ms', grace: '1h' });
  await eventually(async () => (await there.get('k')) === undefined && (await here.get('k')) === undefined);
  return { here, there };
}

it('what failed in one process is not tried again in another before its back-off is over, but by whoever wants a fresh value', async () => {
  const { here, there } = await withStale();
  const theirs = vi.fn(() => 'theirs');
  expect(await here.getOrSet('k', () => Promise.reject(new Error('no')), { errorBackoff: '10m' })).toBe('old');
  expect(await there.getOrSet('k', theirs)).toBe('old');
  expect(theirs).not.toHaveBeenCalled();
  expect(await there.getOrSet('k', theirs, { forceFresh: true })).toBe('theirs');
  expect(theirs).toHaveBeenCalledTimes(1);
});

it('what is stale is served at once while one process makes it anew, which the other hears', async () => {
  const { here, there } = await withStale();
  const options = { swr: '1h', ttl: '1h' } as const;
  expect(await here.getOrSet('k', () => 'new', options)).toBe('old');
  await eventually(async () => (await there.getOrSet('k', () => 'new', options)) === 'new', { within: 20_000 });
  await eventually(async () => (await here.getOrSet('k', () => 'new', options)) === 'new', { within: 20_000 });
});

it('what is read slides in Redis', async () => {
  const { here, there } = await withStale();
  await here.set('s', 1, { ttl: '1m' });
  await eventually(
    async () => {
      expect(await there.getOrSet('s', () => 2, { sliding: '1h' })).toBe(1);
      return ((await here.ttl('s')) ?? 0) > 3_000_000;
    },
    { within: 20_000 },
  );
});
