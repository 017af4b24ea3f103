import { cacheBuilder, type TieredCache } from 'tierkeep';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { slotOf } from '../../src/backends/redis/slots.js';
import { physicalKeys } from '../../src/entries/keys.js';
import { libraries } from '../backends/redis/cluster/libraries.js';
import { eventually } from '../support/eventually.js';
import { type RedisCluster, startCluster } from '../support/redis-cluster.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());
beforeEach(() => cluster.flush());

const open: AsyncDisposable[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});

const names = physicalKeys('shop');
const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
const tags = ['a', 'b', 'c', 'd', 'e', 'f'];
const slow = { within: 15_000 };
const here = async (cache: TieredCache, wanted = keys) => (await cache.getMany(wanted)).size;
const gone = (cache: TieredCache, wanted: readonly string[]) =>
  eventually(() => wanted.every((key) => cache.peek(key) === undefined), slow);

describe.each(libraries)('tags and namespaces in a Cluster, over $library', ({ client }) => {
  async function cacheOf(mode: 'pub-sub' | 'tracking' = 'pub-sub'): Promise<TieredCache> {
    const builder = cacheBuilder('shop')
      .memory()
      .cluster({ client: client(cluster.addresses) });
    const cache = builder.bus({ mode, maxStaleness: '30s' }).grace('1h').budget('10s').logger(quiet).build();
    open.push(cache);
    await cache.ready();
    await eventually(() => cache.health().bus?.trusted === true, slow);
    return cache;
  }

  it.each(['pub-sub', 'tracking'] as const)('tags and entries of every slot go together, by %s', async (mode) => {
    const [a, b] = await Promise.all([cacheOf(mode), cacheOf(mode)]);
    const nodes = await Promise.all(tags.map((tag) => cluster.nodeFor(names.version(`t${tag}`))));
    expect(new Set(nodes.map(({ port }) => port)).size).toBeGreaterThan(1);
    const tagsOf = (index: number) => [tags[index % 6] as string, 'all'];
    await a.setMany(keys.map((key, index) => [key, index, { tags: tagsOf(index) }] as const));
    expect(await here(b)).toBe(60);
    for (const [turn, tag] of tags.slice(0, 3).entries()) {
      await (turn % 2 === 0 ? a : b).invalidateTags([tag], { soft: turn === 1 });
      const ended = keys.filter((_, index) => index % 6 === turn);
      await gone(a, ended);
      await gone(b, ended);
      expect([await here(a), await here(b)]).toEqual([50 - 10 * turn, 50 - 10 * turn]);
    }
    await b.invalidateTags(['all']);
    await gone(a, keys);
    expect([await here(a), await here(b)]).toEqual([0, 0]);
    expect(await a.getEntry('k1')).toBeUndefined();
  });

  it('clear is one step at one node, of a namespace that one alone; physical leaves no entry at any', async () => {
    const [a, b] = await Promise.all([cacheOf(), cacheOf()]);
    const [users, user] = [a.namespace('users'), a.namespace('user')];
    const many = Array.from({ length: 1_000 }, (_, index) => `k${index}`);
    const fill = (view: TieredCache) => view.setMany(many.map((key) => [key, key] as const), { budget: '30s' }); // biome-ignore format: one line
    for (const view of [users, users.namespace('names'), user, a]) await fill(view);
    const theirs = b.namespace('users');
    expect([await here(theirs, many), await here(b.namespace('user'), many)]).toEqual([1_000, 1_000]);
    const traffic = await cluster.traffic(() => users.clear());
    const scripts = [...traffic.values()].map(({ commands }) => (commands.get('evalsha') ?? 0) + (commands.get('eval') ?? 0));
    expect(scripts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(10);
    await gone(theirs, many);
    expect(await here(theirs, many)).toBe(0);
    expect(await here(b.namespace('users').namespace('names'), many)).toBe(0);
    expect([await here(b.namespace('user'), many), await here(b, many)]).toEqual([1_000, 1_000]);
    await users.set('k0', 'new');
    expect(await theirs.get('k0')).toBe('new');
    await a.clear({ physical: true, budget: '30s' });
    for (const { port } of await cluster.masters()) {
      expect((await cluster.cli(port, 'KEYS', 'shop:cache:*')).trim()).toBe('');
    }
    await gone(b, many);
    expect([await here(b, many), await theirs.get('k0')]).toEqual([0, undefined]);
  });

  it('a thousand tags at once take a batch for each slot, and all are invalidated', async () => {
    const [a, b] = await Promise.all([cacheOf(), cacheOf()]);
    const many = Array.from({ length: 1_000 }, (_, index) => `t${index}`);
    await a.setMany(keys.map((key, index) => [key, index, { tags: [`t${index * 16}`] }] as const), { budget: '30s' }); // biome-ignore format: one line
    expect(await here(b)).toBe(60);
    await a.invalidateTags(many, { budget: '30s' });
    expect(a.stats().l2Errors).toBe(0);
    await gone(b, keys);
    expect([await here(a), await here(b)]).toEqual([0, 0]);
  });

  it('while the slot of a version moves tags and clear work as ever, and after it', async () => {
    const [a, b] = await Promise.all([cacheOf(), cacheOf()]);
    const version = names.version('tmoved');
    const from = await cluster.nodeFor(version);
    const to = (await cluster.masters()).find(({ port }) => port !== from.port);
    await a.set('k', 'old', { tags: ['moved'] });
    await a.set('untouched', 1);
    expect(await b.get('k')).toBe('old');
    // Whoever changed something lately tells the new owner of the slot again, so what was set before that may go.
    const stored = (value: string) =>
      eventually(async () => {
        await a.set('k', value, { tags: ['moved'] });
        expect(await b.get('k')).toBe(value);
      }, slow);
    const move = await cluster.beginMove(slotOf(version), to?.port as number);
    await b.invalidateTags(['moved']);
    await gone(a, ['k']);
    expect([await a.get('k'), await b.get('k')]).toEqual([undefined, undefined]);
    await move.migrate();
    await stored('in between');
    await a.invalidateTags(['moved']);
    await eventually(async () => expect(await b.get('k')).toBeUndefined(), slow);
    await move.finish();
    await cluster.healthy();
    await stored('new');
    await b.invalidateTags(['moved']);
    await eventually(async () => expect([await a.get('k'), await b.get('k')]).toEqual([undefined, undefined]), slow);
    expect(await b.get('untouched')).toBe(1);
  });
});
