import { expect, it, vi } from 'vitest';
import { anotherProcess } from '../support/another-process.js';
import { eventually } from '../support/eventually.js';
import { ownName, sharedStandalone } from '../support/shared-topologies.js';

const newCache = anotherProcess();

it('processes share what was memoized, under one key that a person can find, and hear when it is invalidated', async () => {
  const name = ownName('memoize');
  let runs = 0;
  const load = vi.fn(async (id: number, _options: object) => ({ id, run: ++runs }));
  const [here, there] = [await newCache(name), await newCache(name)].map((cache) => cache.memoize('user', load, { ttl: '1h' }));
  if (here === undefined || there === undefined) throw new Error('two were built');

  // A fill may be refused while the others' news of what was before it are still under way, so the function may run once more.
  const newerThan = (run: number) =>
    eventually(
      async () => {
        const results = await Promise.all([here(42, { a: 1, b: [2n] }), there(42, { b: [2n], a: 1 })]);
        const [one, other] = results.map((result) => result.run);
        if (one === undefined || one <= run || one !== other) throw new Error(`results ${one} and ${other}`);
        return one;
      },
      { within: 20_000 },
    );

  expect(await newerThan(0)).toBe(1);
  // printf '[42,{"a":1,"b":[2n]}]' | openssl dgst -sha256 -binary | basenc --base64url
  const key = 'mWUxmj7vz_jr3gPBUTXlfWDTflLeUYhezj9sGA8IHZo';
  expect(here.keyOf(42, { a: 1, b: [2n] })).toBe(key);
  expect(await (await sharedStandalone()).cli('EXISTS', `${name}:cache:{user:${key}}`)).toBe('1');

  expect(await there.invalidate(42, { a: 1, b: [2n] })).toBe(true);
  const invalidated = await newerThan(1);
  const refreshed = await here.refresh(42, { a: 1, b: [2n] });
  expect(refreshed.run).toBeGreaterThan(invalidated);
  const agreed = await newerThan(invalidated);
  await here.clear();
  await newerThan(agreed);
});
