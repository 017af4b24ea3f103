import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bumpVersionsScript } from '../../../../src/backends/redis/scripts/versions.js';
import { type RedisServer, startRedis } from '../../../support/redis-server.js';
import { libraries, rejection, within } from '../libraries.js';
import { listen, storeOpener, versionsOf } from './open-store.js';

const day = 86_400_000;
const hard = /^[\w-]+\.\d+$/;
const soft = /^[\w-]+\.\d+~[\w-]+\.\d+$/;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => server.cli('FLUSHALL'));

const life = async (name: string) => Number(await server.cli('PTTL', name));
const full = (bytes: string) => server.cli('CONFIG', 'SET', 'maxmemory', bytes);

describe.each(libraries)('versions over $library', ({ connect }) => {
  const open = storeOpener();
  const newStore = () => open(connect({ url: server.url }));

  it('are made when they are missing, told, and then they stay', async () => {
    const store = newStore();
    const ear = await listen(store);
    const labels = ['torg:1', 'tä {b}', 'n', 'nusers:'];
    const first = await versionsOf(store, ...labels);
    for (const version of first) expect(version).toMatch(hard);
    expect(await ear.all()).toEqual([`labels ${labels.join(' ')}`]);
    expect(await versionsOf(store, ...labels.toReversed())).toEqual(first.toReversed());
    expect(await versionsOf(newStore(), ...labels)).toEqual(first);
    expect(await ear.all()).toEqual([]);
    expect((await server.cli('KEYS', '*')).split('\n').sort()).toEqual(
      ['shop:space:', 'shop:space:users:', 'shop:tag:{org:1}', 'shop:tag:ä {b}'].sort(),
    );
  });

  it('that were lost are made anew, never what they were', async () => {
    const store = newStore();
    const seen = new Set<string>();
    for (let round = 1; round <= 20; round += 1) {
      const [version] = await versionsOf(store, 'ta');
      seen.add(String(version));
      expect(seen.size).toBe(round);
      await server.cli('DEL', 'shop:tag:{a}');
    }
  });

  it('are one for all who ask at once', async () => {
    const stores = Array.from({ length: 5 }, newStore);
    const asked = Array.from({ length: 50 }, (_, index) => versionsOf(stores[index % 5] ?? newStore(), 'ta', 'n'));
    expect(new Set((await Promise.all(asked)).map(String)).size).toBe(1);
  });

  it('of a bump are new, each for itself, and told after the change', async () => {
    const store = newStore();
    const ear = await listen(store);
    const before = await versionsOf(store, 'ta', 'nusers:');
    await store.versions.bump(['ta', 'nusers:', 'tnew'], false, within());
    expect(await ear.all()).toEqual(['labels ta nusers:', 'labels ta nusers: tnew']);
    const after = await versionsOf(store, 'ta', 'nusers:', 'tnew');
    for (const [index, version] of after.entries()) {
      expect(version).toMatch(hard);
      expect(version).not.toBe(before[index]);
    }
    expect(await ear.all()).toEqual([]);
  });

  it.each([3, 150])('of a bump of %d leave no step without the one alongside', async (count) => {
    const store = newStore();
    const labels = Array.from({ length: count }, (_, index) => `t${index}`);
    const ear = await listen(store);
    const before = await versionsOf(store, 'n*', ...labels);
    await ear.all();
    await store.versions.bumpAlongside?.(labels, true, 'n*', within());
    expect((await ear.all()).map((told) => told.split(' ').slice(0, 3).join(' '))).toEqual(
      count === 3 ? ['labels n* t0'] : ['labels n* t0', 'labels n* t100'],
    );
    const after = await versionsOf(store, 'n*', ...labels);
    for (const [index, version] of after.entries()) expect(version).not.toBe(before[index]);
  });

  it('are told when they stand: who asks on hearing gets them', async () => {
    const store = newStore();
    const other = newStore();
    await versionsOf(store, 'ta');
    const answers: Promise<string[]>[] = [];
    const subscription = await other.connection.subscribe('shop:bus', {
      message: () => void answers.push(versionsOf(other, 'ta')),
      state() {},
    });
    const made: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      await store.versions.bump(['ta'], round % 2 === 1, within());
      made.push(...(await versionsOf(store, 'ta')));
      await subscription.ping();
      await Promise.all(answers);
    }
    expect((await Promise.all(answers)).flat()).toEqual(made);
  });

  it('of a soft bump keep their hard part', async () => {
    const store = newStore();
    const [first] = await versionsOf(store, 'ta');
    await store.versions.bump(['ta'], true, within());
    const [second] = await versionsOf(store, 'ta');
    await store.versions.bump(['ta'], true, within());
    const [third] = await versionsOf(store, 'ta');
    for (const version of [second, third]) {
      expect(version).toMatch(soft);
      expect(version?.split('~')[0]).toBe(first);
    }
    expect(third).not.toBe(second);
    await store.versions.bump(['ta', 'tnew'], false, within());
    const [fourth] = await versionsOf(store, 'ta');
    expect(fourth).toMatch(hard);
    expect(fourth).not.toBe(first);
    await store.versions.bump(['tmissing'], true, within());
    expect((await versionsOf(store, 'tmissing'))[0]).toMatch(hard);
  });

  it('are unique whoever bumps', async () => {
    const stores = Array.from({ length: 4 }, newStore);
    const seen: string[] = [];
    const subscribed = newStore();
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const store = stores[index % 4] ?? subscribed;
        await store.versions.bump(['ta'], index % 3 === 0, within());
        seen.push(...(await versionsOf(store, 'ta')));
      }),
    );
    // Two who read after the same bump see the same; what was replaced never comes back.
    const [last] = await versionsOf(subscribed, 'ta');
    expect(seen).toContain(last);
    await subscribed.versions.bump(['ta'], false, within());
    expect(seen).not.toContain((await versionsOf(subscribed, 'ta'))[0]);
  });

  it('are unique also where one call is executed twice', async () => {
    const stores = Array.from({ length: 3 }, newStore);
    await Promise.all(
      Array.from({ length: 150 }, (_, index) => {
        const call = { script: bumpVersionsScript, keys: [`shop:tag:{${index}}`], args: ['nonce', '', 't', '', ''] } as const;
        return stores[index % 3]?.connection.script(call, within());
      }),
    );
    const labels = Array.from({ length: 150 }, (_, index) => `t${index}`);
    expect(new Set(await versionsOf(newStore(), ...labels)).size).toBe(150);
  });

  it('take what somebody else put there for none', async () => {
    const store = newStore();
    for (const foreign of [
      '',
      '-',
      'two words',
      'a/b.1',
      'a=b.1',
      'a,b.1',
      'new\nline.1',
      'nodot',
      'a.1 b',
      'a.1/b.2',
      'a.1=b',
      'a.1,b',
      'a.1\n',
    ]) {
      await server.cli('SET', 'shop:tag:{a}', foreign);
      const [version] = await versionsOf(store, 'ta');
      expect(version, foreign).toMatch(hard);
      await server.cli('SET', 'shop:tag:{a}', foreign);
      await store.versions.bump(['ta'], true, within());
      expect((await versionsOf(store, 'ta'))[0], foreign).toMatch(hard);
    }
  });

  it('of many labels come in one script call', async () => {
    const store = newStore();
    await store.connection.connect();
    const labels = Array.from({ length: 90 }, (_, index) => `t${index}`);
    await versionsOf(store, ...labels);
    await server.cli('CONFIG', 'RESETSTAT');
    await versionsOf(store, ...labels);
    expect(await server.cli('INFO', 'commandstats')).toMatch(/cmdstat_evalsha:calls=1,/);
  });

  describe('a tag', () => {
    it('is kept longer than asked for, and says how long', async () => {
      const store = newStore();
      const lasting = Date.now() + 3_600_000;
      const [asked] = await store.versions.current(['ta'], lasting, within());
      const left = await life('shop:tag:{a}');
      expect(left).toBeGreaterThan(day);
      expect(left).toBeLessThanOrEqual(day + 3_600_000);
      expect(asked?.until).toBeGreaterThan(lasting);
      expect(asked?.until).toBeLessThanOrEqual(Date.now() + left + 1_000);
    });

    it('lives longer when it has to, and never shorter', async () => {
      const store = newStore();
      const ask = async (ms: number) => (await store.versions.current(['ta'], Date.now() + ms, within()))[0];
      const first = await ask(0);
      expect(await life('shop:tag:{a}')).toBeGreaterThan(day - 60_000);
      // Long enough as it is: nothing is written.
      await ask(day - 60_000);
      expect(await life('shop:tag:{a}')).toBeLessThanOrEqual(day);
      const longer = await ask(3 * day);
      expect(await life('shop:tag:{a}')).toBeGreaterThan(4 * day - 60_000);
      const again = await ask(0);
      expect(again?.until).toBeGreaterThan(Date.now() + 4 * day - 60_000);
      await store.versions.bump(['ta'], false, within());
      await store.versions.bump(['ta'], true, within());
      expect(await life('shop:tag:{a}')).toBeGreaterThan(4 * day - 60_000);
      expect(new Set([first?.version, longer?.version, again?.version]).size).toBe(1);
    });

    it('for ever stays for ever', async () => {
      const store = newStore();
      const [version] = await versionsOf(store, 'ta');
      expect(await store.versions.current(['ta', 'tnew'], Number.POSITIVE_INFINITY, within())).toEqual([
        { version, until: Number.POSITIVE_INFINITY },
        { version: expect.stringMatching(hard), until: Number.POSITIVE_INFINITY },
      ]);
      await store.versions.bump(['ta'], false, within());
      await versionsOf(store, 'ta');
      expect([await life('shop:tag:{a}'), await life('shop:tag:{new}')]).toEqual([-1, -1]);
    });

    it('that was bumped before it was asked for goes some day too', async () => {
      const store = newStore();
      await store.versions.bump(['ta', 'n'], false, within());
      await store.versions.bump(['tb', 'nb:'], true, within());
      for (const tag of ['shop:tag:{a}', 'shop:tag:{b}']) {
        const left = await life(tag);
        expect(left).toBeGreaterThan(0);
        expect(left).toBeLessThanOrEqual(day);
      }
      expect([await life('shop:space:'), await life('shop:space:b:')]).toEqual([-1, -1]);
    });
  });

  it('of namespaces never expire, also where somebody gave them a life', async () => {
    const store = newStore();
    const [before] = await versionsOf(store, 'n');
    await server.cli('PEXPIRE', 'shop:space:', '60000');
    expect((await store.versions.current(['n'], 0, within()))[0]).toEqual({
      version: before,
      until: Number.POSITIVE_INFINITY,
    });
    expect(await life('shop:space:')).toBe(-1);
    await server.cli('PEXPIRE', 'shop:space:', '60000');
    await store.versions.bump(['n'], false, within());
    expect(await life('shop:space:')).toBe(-1);
  });

  it('that cannot be stored are bumped by their removal, and not made', async () => {
    const store = newStore();
    const [before] = await versionsOf(store, 'ta', 'n');
    const ear = await listen(store);
    await full('1');
    try {
      expect(await versionsOf(store, 'ta')).toEqual([before]);
      await store.versions.bump(['ta'], false, within());
      await store.versions.bump(['n'], true, within());
      expect(await ear.all()).toEqual(['labels ta', 'labels n']);
      expect(await server.cli('DBSIZE')).toBe('0');
      const error = await rejection(store.versions.current(['ta', 'tb'], 0, within()));
      expect(error).toMatchObject({ name: 'BackendError', failedKeys: ['ta', 'tb'] });
      expect(error.message).toContain('OOM');
      expect(await ear.all()).toEqual([]);
    } finally {
      await full('0');
    }
    expect((await versionsOf(store, 'ta'))[0]).not.toBe(before);
  });

  it('are not bumped by a server that takes no writes, and it says so', async () => {
    const store = newStore();
    const before = await versionsOf(store, 'ta');
    await server.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
    try {
      const error = await rejection(store.versions.bump(['ta'], false, within()));
      expect(error).toMatchObject({ name: 'ConnectionError', failedKeys: ['ta'] });
      expect(await versionsOf(store, 'ta')).toEqual(before);
    } finally {
      await server.cli('CONFIG', 'SET', 'min-replicas-to-write', '0');
    }
  });
});
