import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Entry, Labels } from '../../../../src/entries/entry.js';
import { DeadlineError } from '../../../../src/errors.js';
import { alwaysCounts, type EntryHead, type Standing } from '../../../../src/store.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { libraries, rejection, within } from '../libraries.js';
import { entry, listen, type OpenStore, storeOpener } from './open-store.js';

const name = 'shop:cache:{k}';
const spaces = ['root.1', 'users.2~soft.3'];
const minute = { ttl: 60_000, grace: 0 };
const untagged: Labels = { tags: [], versions: spaces };
const tagged: Labels = { tags: ['org:1', 'a b'], versions: [...spaces, 'one.4', 'two.5'] };

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => server.cli('FLUSHALL'));

const number = (value: number, labels = untagged) => entry(value, minute, labels) as Entry<number>;

/** The same tags in other versions. */
const otherwise = (times: number) => ({ ...tagged, versions: tagged.versions.map((version) => `${version}${times}`) });

/** Notes what it was asked about. */
function asks(answer: boolean | ((head: EntryHead, times: number) => boolean | Promise<boolean>)) {
  const asked: EntryHead[] = [];
  const standing: Standing = {
    versions: spaces,
    async counts(head) {
      asked.push(head);
      return typeof answer === 'boolean' ? answer : answer(head, asked.length);
    },
  };
  return { asked, standing };
}

/** Each of the operations that look at what is there: what it answers where something counts, and where nothing does. */
const operations = [
  {
    operation: 'writeIfAbsent',
    run: (store: OpenStore, standing: Standing, ms?: number) => store.writeIfAbsent('k', number(100), within(ms), standing),
    there: false,
    kept: 5,
    absent: true,
    left: 100,
  },
  {
    operation: 'expire',
    run: (store: OpenStore, standing: Standing, ms?: number) => store.expire('k', Date.now() + 600_000, within(ms), standing),
    there: true,
    kept: 5,
    absent: false,
    left: 5,
  },
  {
    operation: 'increment',
    run: (store: OpenStore, standing: Standing, ms?: number) => store.increment('k', 2, number(2), within(ms), standing),
    there: 7,
    kept: 7,
    absent: 2,
    left: 2,
  },
] as const;

describe.each(libraries)('over $library', ({ connect }) => {
  const open = storeOpener();
  const newStore = () => open(connect({ url: server.url }));

  describe.each(operations)('$operation', ({ run, there, kept, absent, left }) => {
    const value = async (store: OpenStore) => (await store.read('k', within()))?.value;

    it('asks nothing about an entry of the same namespaces’ versions without tags, or about none', async () => {
      const store = newStore();
      const { asked, standing } = asks(false);
      expect(await run(store, standing)).toBe(absent);
      await store.write('k', number(5), within());
      await server.cli('CONFIG', 'RESETSTAT');
      expect(await run(store, standing)).toBe(there);
      expect(await value(store)).toBe(kept);
      expect(asked).toEqual([]);
      expect(await server.cli('INFO', 'commandstats')).toMatch(/cmdstat_evalsha:calls=1,/);
      await store.write('k', number(5, { tags: [], versions: [] }), within());
      expect(await run(store, alwaysCounts)).toBe(there);
    });

    it.each([
      ['of other versions', { tags: [], versions: ['root.1', 'users.9'] }],
      ['of none', { tags: [], versions: [] }],
      ['with tags', tagged],
      ['with tags and no namespace', { tags: ['x'], versions: ['x.1'] }],
    ])('asks about an entry %s, and takes it for what it is said to be', async (_, labels) => {
      const store = newStore();
      const present = number(5, labels);
      await store.write('k', present, within());
      const yes = asks(true);
      expect(await run(store, yes.standing)).toBe(there);
      expect(await value(store)).toBe(kept);
      const { value: _value, ...head } = present;
      expect(yes.asked).toEqual([head]);

      await store.write('k', present, within());
      const ear = await listen(store);
      const no = asks(false);
      expect(await run(store, no.standing)).toBe(absent);
      expect(await value(store)).toBe(left);
      expect(no.asked).toEqual([head]);
      expect(await ear.all()).toEqual(absent === false ? [] : ['keys k']);
    });

    it('asks again when another entry came while it was asked', async () => {
      const store = newStore();
      await store.write('k', number(5, tagged), within());
      const { asked, standing } = asks(async (_head, times) => {
        if (times === 1) await store.write('k', number(5, otherwise(times)), within());
        return times > 1;
      });
      expect(await run(store, standing)).toBe(there);
      expect(new Set(asked.map(({ stamp }) => stamp)).size).toBe(2);
    });

    it('asks no more about another entry of the same versions: they count or do not, whoever carries them', async () => {
      const store = newStore();
      await store.write('k', number(5, tagged), within());
      const { asked, standing } = asks(async () => {
        await store.write('k', number(5, tagged), within());
        return true;
      });
      expect(await run(store, standing)).toBe(there);
      expect(asked).toHaveLength(1);
    });

    it('does what is to be done when the entry was deleted while it was asked', async () => {
      const store = newStore();
      await store.write('k', number(5, tagged), within());
      const { asked, standing } = asks(() => store.remove('k', within()));
      expect(await run(store, standing)).toBe(absent);
      expect(asked).toHaveLength(1);
    });

    it('gives up at its deadline where others write without end', async () => {
      const store = newStore();
      const other = newStore();
      await store.write('k', number(5, tagged), within());
      const { standing } = asks(async (_head, times) => {
        await other.write('k', number(5, otherwise(times)), within());
        return true;
      });
      expect(await rejection(run(store, standing, 200))).toBeInstanceOf(DeadlineError);
      expect(await value(store)).toBe(5);
    });

    it('fails as the one that is asked does', async () => {
      const store = newStore();
      await store.write('k', number(5, tagged), within());
      const { standing } = asks(() => Promise.reject(new Error('nobody knows')));
      await expect(run(store, standing)).rejects.toThrow('nobody knows');
      expect(await value(store)).toBe(5);
    });
  });

  it('takes what it cannot read for something that is there, without a question', async () => {
    const store = newStore();
    const { asked, standing } = asks(false);
    for (const bytes of ['tk9 s json 1', 'garbage', 'tk1 s json 1 x y 0\n"5"', 'tk1 s json 1 -', '']) {
      await server.cli('SET', name, bytes);
      expect(await store.writeIfAbsent('k', number(100), within(), standing), bytes).toBe(false);
      await expect(store.increment('k', 1, number(1), within(), standing)).rejects.toMatchObject({ name: 'InvalidValueError' });
      expect(await server.cli('GET', name), bytes).toBe(bytes);
    }
    expect(asked).toEqual([]);
  });

  it('takes a header that only a script can read for that of something that is there', async () => {
    const store = newStore();
    const { asked, standing } = asks(false);
    for (const bytes of ['tk1 s json x - - 0\n5', 'tk1 é json 1 - - 0 - %=v.1\n5']) {
      await server.cli('SET', name, bytes);
      expect(await store.writeIfAbsent('k', number(100), within(), standing), bytes).toBe(false);
      expect(await server.cli('GET', name), bytes).toBe(bytes);
    }
    expect(asked).toEqual([]);
  });

  it('asks about an entry with a stamp of its own kind and fields that a later version added', async () => {
    const store = newStore();
    await server.cli('SET', name, 'tk1 \u00e9/~\u00ff json 1 - - 0 root.1 - later\n5');
    const { asked, standing } = asks(true);
    expect(await store.increment('k', 1, number(1), within(), standing)).toBe(6);
    expect(asked.map(({ tags, versions }) => ({ tags, versions }))).toEqual([{ tags: [], versions: ['root.1'] }]);
    expect(await server.cli('GET', name)).toMatch(/^tk1 \S+ json 1 - - 0 root\.1 - later\n6$/);
  });

  it('keeps tags and versions through write, fill, expire, soften and increment', async () => {
    const store = newStore();
    const grace = { ttl: 60_000, grace: 60_000 };
    const made = entry(1, grace, tagged) as Entry<number>;
    const there = { versions: spaces, counts: () => Promise.resolve(true) };
    const labelsNow = async () => {
      const one = await store.read('k', within());
      const many = await store.readMany(['k', 'none'], within());
      expect(many.get('k')).toEqual(one);
      return { tags: one?.tags, versions: one?.versions };
    };
    await store.write('k', made, within());
    expect(await labelsNow()).toEqual(tagged);
    expect(await server.cli('GET', name)).toMatch(
      /^tk1 \S+ json \d+ \d+ \d+ 0 root\.1\/users\.2~soft\.3 org%3A1=one\.4,a%20b=two\.5\n1$/,
    );
    expect(await store.expire('k', Date.now() + 600_000, within(), there)).toBe(true);
    expect(await labelsNow()).toEqual(tagged);
    expect(await store.increment('k', 1, number(1), within(), there)).toBe(2);
    expect(await labelsNow()).toEqual(tagged);
    expect(await store.soften('k', within())).toBe(true);
    expect(await labelsNow()).toEqual(tagged);
    expect(await store.increment('k', 1, made, within(), there)).toBe(1);
    expect(await labelsNow()).toEqual(tagged);
    await store.remove('k', within());
    expect(await store.increment('k', 1, number(1), within(), there)).toBe(1);
    expect(await labelsNow()).toEqual(untagged);
    await store.writeMany(new Map([['k', made]]), within());
    expect(await labelsNow()).toEqual(tagged);
    const { stamp } = (await store.read('k', within())) as Entry;
    expect(await store.leases.load('k', 'token', stamp, within())).toEqual({ state: 'granted' });
    expect(await store.leases.fill('k', 'token', { ...made, stamp: 'filled' }, within())).toBe(true);
    expect(await labelsNow()).toEqual(tagged);
    const newer = await store.leases.load('k', 'next', '', within());
    expect(newer).toMatchObject({ state: 'newer', entry: tagged });
  });
});
