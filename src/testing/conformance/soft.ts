import assert from 'node:assert/strict';
import { type ConformanceCase, conforms } from './conformance-case.js';
import { clockTolerance } from './timing.js';

const graced = { ttl: '5m', grace: '1h' } as const;

/** delete() that only makes stale, and clear() with its options. */
export const softCases: readonly ConformanceCase[] = [
  conforms('a soft delete makes a value stale and says whether there was one', async ({ cache }) => {
    await cache.set('k', 'old', graced);
    const before = await cache.getEntry('k');
    assert.equal(await cache.delete('k', { soft: true }), true);
    assert.equal(await cache.get('k'), undefined);
    assert.equal(await cache.has('k'), false);
    assert.equal(await cache.ttl('k'), undefined);
    assert.deepStrictEqual([...(await cache.getMany(['k'])).keys()], []);
    const entry = await cache.getEntry('k');
    assert.equal(entry?.value, 'old');
    assert.ok(entry.freshUntil <= Date.now() + clockTolerance, 'what is stale is fresh no more');
    assert.ok(Math.abs(entry.expiresAt - (before?.expiresAt ?? 0)) <= clockTolerance, 'the end of its grace stays');
    assert.equal(await cache.delete('absent', { soft: true }), false);
  }),
  conforms('a soft delete holds from the moment that it is done', async ({ cache }) => {
    for (let turn = 0; turn < 20; turn += 1) {
      await cache.set('k', turn, graced);
      assert.equal(await cache.get('k'), turn);
      await cache.delete('k', { soft: true });
      assert.equal(await cache.get('k'), undefined);
    }
  }),
  conforms('a soft delete removes what has no grace', async ({ cache }) => {
    await cache.set('k', 1, { grace: 0 });
    assert.equal(await cache.delete('k', { soft: true }), true);
    assert.equal(await cache.getEntry('k'), undefined);
  }),
  conforms('what is softly deleted is absent to setIfAbsent, increment and expire', async ({ cache }) => {
    await cache.setMany(['set', 'count', 'life'].map((key): [string, number] => [key, 5]), graced); // biome-ignore format: one line
    for (const key of ['set', 'count', 'life']) await cache.delete(key, { soft: true });
    assert.equal(await cache.expire('life', '1h'), false);
    assert.equal(await cache.setIfAbsent('set', 7), true);
    assert.equal(await cache.increment('count', 2), 2);
    assert.deepStrictEqual([...(await cache.getMany(['set', 'count', 'life']))], [['set', 7], ['count', 2]]); // biome-ignore format: one line
  }),
  conforms('delete removes what was softly deleted before', async ({ cache }) => {
    await cache.set('k', 1, graced);
    await cache.delete('k', { soft: true });
    assert.equal(await cache.delete('k'), true);
    assert.equal(await cache.getEntry('k'), undefined);
    await cache.set('k', 2);
    assert.equal(await cache.get('k'), 2);
  }),
  conforms('clear removes everything physically too, stale values included', async ({ cache, name, another }) => {
    const other = await another(`${name}-b`);
    for (const physical of [true, false]) {
      await cache.setMany([['a', 1], ['b:c', 2], ['stale', 3]], graced); // biome-ignore format: one line
      await other.set('a', 1);
      await cache.delete('stale', { soft: true });
      assert.equal(await cache.clear({ physical }), undefined);
      for (const key of ['a', 'b:c', 'stale']) assert.equal(await cache.getEntry(key), undefined, `${key} after clear`);
      assert.equal(await other.get('a'), 1);
      await cache.set('a', 4);
      assert.equal(await cache.get('a'), 4);
    }
  }),
];
