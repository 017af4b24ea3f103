import { expect, it, vi } from 'vitest';
import { world } from '../support/simulated-process.js';

it('one run of the factory for the missing keys only, in the order asked', async () => {
  const { process } = world();
  const { cache } = process('p');
  await cache.set('b', 'B');
  const factory = vi.fn(async (keys: readonly string[]) => new Map(keys.map((key) => [key, key.toUpperCase()])));
  const values = await cache.getOrSetMany(['c', 'b', 'a', 'c'], factory);
  expect([...values]).toEqual([
    ['c', 'C'],
    ['b', 'B'],
    ['a', 'A'],
  ]);
  expect(factory.mock.calls.map(([keys]) => keys)).toEqual([['c', 'a']]);
  expect(await cache.getMany(['a', 'c'])).toEqual(
    new Map([
      ['a', 'A'],
      ['c', 'C'],
    ]),
  );
});
