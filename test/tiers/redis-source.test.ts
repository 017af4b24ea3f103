import { expect, it } from 'vitest';
import { anotherProcess } from '../support/another-process.js';
import { eventually } from '../support/eventually.js';
import { ownName } from '../support/shared-topologies.js';
import { recordOf } from '../support/source-races.js';

const newCache = anotherProcess();

it.each(['through', 'behind'] as const)(
  'write-%s: many writers in two processes end with what the source has',
  async (write) => {
    const name = ownName(`source-${write}`);
    const source = recordOf({ k: 'first' });
    const { save } = source;
    // Answers come in another order than the writes.
    source.save = async (key, value, context) => {
      await save(key, value, context);
      await new Promise((resolve) => setTimeout(resolve, Number(value.length % 3)));
    };
    const [here, there] = await Promise.all([newCache(name), newCache(name)]);
    if (here === undefined || there === undefined) throw new Error('two were built');
    const both = [here, there].map((cache) => cache.withSource<string>(source, { write } as { write: 'through' }));
    expect(await Promise.all(both.map((users) => users.get('k')))).toEqual(['first', 'first']);
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => both[index % 2]?.set('k', 'x'.repeat(1 + index), { budget: '100ms' })),
    );
    await Promise.all(both.map((users) => users.flush()));
    await eventually(
      async () => {
        expect(both.map(({ pending }) => pending)).toEqual([0, 0]);
        const wanted = source.rows.get('k');
        expect(await Promise.all(both.map((users) => users.get('k')))).toEqual([wanted, wanted]);
      },
      { within: 20_000 },
    );
    await both[0]?.delete('k');
    await both[0]?.flush();
    await eventually(
      async () => expect(await Promise.all(both.map((users) => users.get('k')))).toEqual([undefined, undefined]),
      { within: 20_000 },
    );
    expect(source.rows.has('k')).toBe(false);
  },
);
