import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { slotOf } from '../../../../src/backends/redis/slots.js';
import { physicalKeys } from '../../../../src/entries/keys.js';
import { ConnectionError } from '../../../../src/errors.js';
import { leastReads } from '../../../support/cluster-traffic.js';
import { eventually } from '../../../support/eventually.js';
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js';
import type { SlotMove } from '../../../support/slot-move.js';
import { rejection, within } from '../libraries.js';
import { entry, listen, type OpenStore, storeOpener, versionsOf } from '../store/open-store.js';
import { libraries } from './libraries.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 });
});
afterAll(() => cluster?.stop());

const names = physicalKeys('shop');
const hard = /^[\w-]+\.\d+$/;
const manyLabels = Array.from({ length: 60 }, (_, index) => (index % 10 === 9 ? `nspace${index}:` : `t${index}`));

describe.each(libraries)('versions on a Cluster, over $library', ({ connect }) => {
  const open = storeOpener();
  const newStore = () => open(connect({ nodes: cluster.addresses }));
  let store: OpenStore;
  let move: SlotMove | undefined;
  beforeEach(async () => {
    await cluster.healthy();
    await cluster.flush();
    store = newStore();
  });
  afterEach(async () => {
    await move?.migrate();
    await move?.finish();
    move = undefined;
  });

  /** The slot of all names with the hash tag `{moving}` leaves; of the names only these have gone. */
  async function depart(...gone: string[]): Promise<void> {
    const owner = (await cluster.nodeFor('{moving}')).port;
    const to = (await cluster.masters()).find(({ port }) => port !== owner)?.port as number;
    move = await cluster.beginMove(slotOf('{moving}'), to);
    if (gone.length > 0) await cluster.cli(owner, 'MIGRATE', '127.0.0.1', String(to), '', '0', '5000', 'KEYS', ...gone);
  }

  it('are made, read and bumped wherever they are', async () => {
    const made = await versionsOf(store, ...manyLabels);
    for (const version of made) expect(version).toMatch(hard);
    expect(await versionsOf(newStore(), ...manyLabels.toReversed())).toEqual(made.toReversed());
    await store.versions.bump(manyLabels, true, within());
    const softened = await versionsOf(store, ...manyLabels);
    expect(softened.map((version) => version.split('~')[0])).toEqual(made);
    expect(softened.filter((version) => !version.includes('~'))).toEqual([]);
    await store.versions.bump(manyLabels, false, within());
    for (const [index, version] of (await versionsOf(store, ...manyLabels)).entries()) {
      expect(version).toMatch(hard);
      expect(version).not.toBe(made[index]);
    }
  });

  it('take one round trip to each node', async () => {
    const labels = [...manyLabels, ...Array.from({ length: 30 }, (_, index) => `t{same}${index}`)];
    await versionsOf(store, ...labels);
    const tries = [];
    for (let one = 0; one < 3; one += 1) {
      tries.push(await cluster.traffic(() => store.versions.current(labels, 0, within())));
      tries.push(await cluster.traffic(() => store.versions.bump(labels, false, within())));
    }
    // No more than what one of the six took, in which no other traffic came between.
    for (const [, reads] of leastReads(tries)) expect(reads).toBeLessThanOrEqual(2);
    const calls = [...(tries[0] ?? [])].map(([, { commands }]) => commands.get('evalsha') ?? 0);
    expect(calls.reduce((sum, count) => sum + count)).toBe(new Set(labels.map((label) => slotOf(names.version(label)))).size);
  });

  it('are told in all that each node has to tell', async () => {
    const ear = await listen(newStore());
    await store.versions.bump(manyLabels, false, within());
    const told = () => new Set(ear.heard.flatMap((line) => line.replace(/^labels /, '').split(' ')));
    // What was told before may still be on its way from one node to another.
    await eventually(() => {
      expect([...told()]).toEqual(expect.arrayContaining([...manyLabels]));
    });
  });

  it('go on one by one while their slot is on its way, and are one for all', async () => {
    const labels = ['t{moving}1', 't{moving}2', 't{moving}3', 'telsewhere', 't{moving}new'];
    const before = await versionsOf(store, ...labels.slice(0, 4));
    await depart(names.version('t{moving}2'));
    const during = await versionsOf(store, ...labels);
    expect(during.slice(0, 4)).toEqual(before);
    expect(during[4]).toMatch(hard);
    expect(await versionsOf(newStore(), ...labels)).toEqual(during);

    const ear = await listen(newStore());
    await store.versions.bump(labels, false, within());
    const bumped = await versionsOf(store, ...labels);
    for (const [index, version] of bumped.entries()) expect(version).not.toBe(during[index]);
    await eventually(() => {
      const told = ear.heard.flatMap((line) => line.replace(/^labels /, '').split(' '));
      expect(new Set(told)).toEqual(new Set(labels));
    });
    await store.versions.bump(labels, true, within());
    const softened = await versionsOf(store, ...labels);
    expect(softened.map((version) => version.split('~')[0])).toEqual(bumped);

    await move?.migrate();
    await move?.finish();
    move = undefined;
    expect(await versionsOf(newStore(), ...labels)).toEqual(softened);
  });

  it('are removed, and the entry with them, where one is to be stale whose slot is on its way', async () => {
    await store.write('{moving}k', entry('old', { ttl: 60_000, grace: 60_000 }), within());
    await depart(names.entry('{moving}k'));
    const ear = await listen(newStore());
    expect(await store.soften('{moving}k', within())).toBe(true);
    expect(await store.read('{moving}k', within())).toBeUndefined();
    await eventually(() => expect(ear.heard).toContain('keys {moving}k'));
    expect(await store.soften('{moving}k', within())).toBe(false);
  });

  it('have none alongside which all could change', () => {
    expect(store.versions.bumpAlongside).toBeUndefined();
  });

  it('of a node that is away fail alone, with their names', async () => {
    const before = await versionsOf(store, ...manyLabels);
    const victim = (await cluster.nodeFor(names.version('t0'))).port;
    const owners = await Promise.all(manyLabels.map((label) => cluster.nodeFor(names.version(label))));
    const lost = manyLabels.filter((_, index) => owners[index]?.port === victim).sort();
    await cluster.kill(victim);
    try {
      await eventually(async () => (await rejection(versionsOf(store, 't0'))).message.includes('is away'), { within: 10_000 });
      for (const call of [store.versions.bump(manyLabels, false, within()), store.versions.current(manyLabels, 0, within())]) {
        const error = (await rejection(call)) as ConnectionError;
        expect(error).toBeInstanceOf(ConnectionError);
        expect([error.partial, [...error.failedKeys].sort()]).toEqual([true, lost]);
      }
      const served = manyLabels.filter((label) => !lost.includes(label));
      const after = await versionsOf(store, ...served);
      for (const [index, label] of served.entries()) expect(after[index]).not.toBe(before[manyLabels.indexOf(label)]);
    } finally {
      await cluster.restart(victim);
    }
  });
});
