import { expect, it } from 'vitest';
import { kinds } from '../support/label-kinds.js';
import { ownAndOther } from '../support/own-and-other.js';
import { readers } from '../support/races.js';
import { settled } from '../support/simulated-process.js';

const asked: Readonly<Record<string, string>> = { getMany: 'readMany' };

/** Of the server that had acknowledged the change; the answer is of the one that takes over meanwhile and was never told of it. */
it.each(Object.entries(readers))(
  '%s asked before another server answers finds nothing that was deleted',
  async (name, read) => {
    const { own, other, server } = await ownAndOther();
    await other.cache.set('k', 'old');
    await settled();
    const failOver = server.replica();
    await own.cache.delete('k');
    const gate = own.gates.hold(asked[name] ?? 'read');
    const answer = read(own.cache);
    await gate.arrived;
    failOver();
    gate.release();
    expect(await answer).toBe(name === 'getOrSet' ? 'made' : undefined);
  },
);

it('a lease that was asked for before another server answers brings nothing that was deleted', async () => {
  const { own, other, server } = await ownAndOther();
  await other.cache.set('k', 'old');
  await settled();
  const failOver = server.replica();
  await own.cache.delete('k');
  const gate = own.gates.hold('load');
  const answer = readers.getOrSet?.(own.cache);
  await gate.arrived;
  failOver();
  gate.release();
  expect(await answer).toBe('made');
});

it.each(kinds)('a version asked for before another server answers says nothing of $name', async (kind) => {
  const { own, other, server } = await ownAndOther();
  await kind.view(other.cache).set('k', 'old', { tags: kind.tags });
  await settled();
  const failOver = server.replica();
  await kind.invalidate(own.cache);
  await settled();
  const gate = own.gates.hold('current');
  const answer = kind.view(own.cache).get('k');
  await Promise.race([gate.arrived, answer]);
  failOver();
  gate.release();
  expect(await answer).toBeUndefined();
});
