import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { ConfigError } from '../../errors.js';
import { type ConformanceCase, conforms } from './conformance-case.js';
import { calls } from './every-call.js';

/** The caller's own signal, which ends a wait. */
export const signalCases: readonly ConformanceCase[] = [
  conforms('a signal that is aborted already ends every call with its reason, and nothing is touched', async ({ cache }) => {
    await cache.set('k', 7, { ttl: '1h' });
    const [entry, { sets, deletes, hits, misses }] = [await cache.getEntry('k'), cache.stats()];
    const reason = new Error('the caller is gone');
    const signal = AbortSignal.abort(reason);
    for (const [name, call] of calls) {
      await assert.rejects(() => call(cache, { signal }), (error) => error === reason, name); // biome-ignore format: one line
    }
    const after = cache.stats();
    assert.deepStrictEqual([after.sets, after.deletes, after.hits, after.misses], [sets, deletes, hits, misses]);
    assert.deepStrictEqual(await cache.getEntry('k'), entry);
  }),
  conforms(
    'under a signal that does not abort every call does what it always does, and leaves no listener',
    async ({ cache }) => {
      const { signal } = new AbortController();
      for (const [name, call] of calls) {
        await assert.doesNotReject(() => call(cache, { signal }), name);
        assert.equal(getEventListeners(signal, 'abort').length, 0, `${name} left a listener on the signal`);
      }
      await cache.set('k', 7, { signal });
      assert.equal(await cache.get('k', { signal }), 7);
      assert.equal(await cache.increment('k', 1, { signal }), 8);
      assert.equal(await cache.delete('k', { signal }), true);
      assert.equal(await cache.has('k', { signal }), false);
    },
  ),
  conforms('a signal that aborts while a call is under way ends it with its reason, unless it was done', async ({ cache }) => {
    const reason = new Error('the caller has gone');
    for (const [name, call] of calls) {
      const abort = new AbortController();
      const answer = call(cache, { signal: abort.signal });
      abort.abort(reason);
      const error = await answer.then(() => reason, (why: unknown) => why); // biome-ignore format: short
      assert.equal(error, reason, name);
      assert.equal(getEventListeners(abort.signal, 'abort').length, 0, `${name} left a listener on the signal`);
    }
    // What was left under way may still clear it a few times.
    let tries = 0;
    do {
      await cache.set('after', 1);
      tries += 1;
    } while ((await cache.get('after')) !== 1 && tries < 100);
    assert.ok(tries < 100, 'the cache goes on');
  }),
  conforms('a signal that is none is refused, and nothing is touched', async ({ cache }) => {
    for (const signal of ['abort', 5, null, {}, new AbortController()] as unknown as AbortSignal[]) {
      for (const [name, call] of calls) {
        await assert.rejects(() => call(cache, { signal }), ConfigError, `${name} under ${String(signal)}`);
      }
    }
    assert.equal(await cache.get('k'), undefined);
  }),
];
