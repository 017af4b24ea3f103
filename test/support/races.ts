import type { TieredCache } from '../../src/cache.js';
import { deferred, settled, simulatedProcess, type World, world } from './simulated-process.js';
import { sourceRaces } from './source-races.js';

/** A race between two calls, run so that it is lost unless the mechanism in question is there. Resolves to what is read afterwards. */
export interface Race {
  readonly name: string;
  /** What takes the race's win away. */
  readonly needs: 'fence' | 'lease';
  readonly expected: unknown;
  run(mechanisms: Mechanisms): Promise<unknown>;
}

export interface Mechanisms {
  readonly fence?: 'on' | 'off';
  readonly lease?: 'on' | 'off';
}

export const readers: Readonly<Record<string, (cache: TieredCache) => Promise<unknown>>> = {
  get: (cache) => cache.get('k'),
  getEntry: async (cache) => (await cache.getEntry('k'))?.value,
  getMany: async (cache) => (await cache.getMany(['other', 'k'])).get('k'),
  has: async (cache) => ((await cache.has('k')) ? 'old' : undefined),
  ttl: async (cache) => ((await cache.ttl('k')) === undefined ? undefined : 'old'),
  getOrSet: (cache) => cache.getOrSet('k', () => 'made'),
};

/** L2 holds `old`; a read has been executed there, and its reply is held while the process writes. */
export async function readOvertaken(
  { server, process, clock }: World,
  reader: (cache: TieredCache) => Promise<unknown>,
  write: (cache: TieredCache) => Promise<unknown>,
  fence: 'on' | 'off',
) {
  const p = process('p', { fence });
  await simulatedProcess(clock, process('elsewhere').l2).cache.set('k', 'old');
  const gate = p.gates.hold(reader === readers.getMany ? 'readMany' : 'read', 'reply');
  const answer = reader(p.cache);
  await gate.arrived;
  await write(p.cache);
  gate.release();
  const read = await answer;
  await settled();
  return { read, p, server, later: await p.cache.get('k') };
}

const refills: readonly Race[] = Object.entries(readers).map(([name, reader]) => ({
  name: `R2: ${name} refills L1 while the key is deleted`,
  needs: 'fence',
  expected: undefined,
  run: async ({ fence = 'on', lease = 'on' }) =>
    (await readOvertaken(world({ lease }), reader, (cache) => cache.delete('k'), fence)).later,
}));

const fills: readonly Race[] = [
  {
    name: 'R1: another process deletes while the factory runs',
    needs: 'lease',
    expected: undefined,
    async run({ fence = 'on', lease = 'on' }) {
      const { process } = world({ lease });
      const loader = process('loader', { fence });
      const other = process('other', { fence });
      const factory = deferred<string>();
      const answer = loader.cache.getOrSet('k', () => factory.promise);
      await settled();
      await other.cache.delete('k');
      factory.resolve('old');
      await answer;
      return other.cache.get('k');
    },
  },
  {
    name: 'R1: another process sets while the factory runs',
    needs: 'lease',
    expected: 'new',
    async run({ fence = 'on', lease = 'on' }) {
      const { process } = world({ lease });
      const loader = process('loader', { fence });
      const factory = deferred<string>();
      const answer = loader.cache.getOrSet('k', () => factory.promise);
      await settled();
      await process('other').cache.set('k', 'new');
      factory.resolve('old');
      await answer;
      return process('third').cache.get('k');
    },
  },
  {
    name: 'R1: deleted while the factory runs, without L2',
    needs: 'fence',
    expected: undefined,
    async run({ fence = 'on' }) {
      const { cache } = simulatedProcess(world().clock, undefined, { fence });
      const factory = deferred<string>();
      const answer = cache.getOrSet('k', () => factory.promise);
      await settled();
      await cache.delete('k');
      factory.resolve('old');
      await answer;
      return cache.get('k');
    },
  },
  {
    name: 'R1: deleted after the fill was executed and before it was acknowledged',
    needs: 'fence',
    expected: undefined,
    async run({ fence = 'on', lease = 'on' }) {
      const { cache, gates } = world({ lease }).process('p', { fence });
      const gate = gates.hold('fill', 'reply');
      const answer = cache.getOrSet('k', () => 'old');
      await gate.arrived;
      await cache.delete('k');
      gate.release();
      await answer;
      return cache.get('k');
    },
  },
  {
    name: 'R1: a caller after the delete would join the load from before it',
    needs: 'fence',
    expected: 'new',
    async run({ fence = 'on', lease = 'on' }) {
      const { cache } = world({ lease }).process('p', { fence });
      const factory = deferred<string>();
      const first = cache.getOrSet('k', () => factory.promise);
      await settled();
      await cache.delete('k');
      const later = cache.getOrSet('k', () => 'new');
      await settled();
      factory.resolve('old');
      await first;
      return later;
    },
  },
];

const updates: readonly Race[] = [
  {
    name: 'R8: two sets, acknowledged in the other order',
    needs: 'fence',
    expected: 'second',
    async run({ fence = 'on', lease = 'on' }) {
      const { cache, gates } = world({ lease }).process('p', { fence });
      const gate = gates.hold('write', 'reply');
      const first = cache.set('k', 'first');
      await gate.arrived;
      await cache.set('k', 'second');
      gate.release();
      await first;
      return cache.get('k');
    },
  },
  {
    name: 'R8: a set acknowledged after the increment that followed it',
    needs: 'fence',
    expected: 6,
    async run({ fence = 'on', lease = 'on' }) {
      const { cache, gates } = world({ lease }).process('p', { fence });
      const gate = gates.hold('write', 'reply');
      const first = cache.set('k', 5);
      await gate.arrived;
      await cache.increment('k');
      gate.release();
      await first;
      return cache.get('k');
    },
  },
  {
    name: 'R8: a load of the number from before overwrites another process’s increment',
    needs: 'lease',
    expected: 6,
    async run({ fence = 'on', lease = 'on' }) {
      const { process } = world({ lease });
      const loader = process('loader', { fence });
      const other = process('other');
      await other.cache.set('k', 5);
      const factory = deferred<number>();
      const answer = loader.cache.getOrSet('k', () => factory.promise, { forceFresh: true });
      await settled();
      await other.cache.increment('k');
      factory.resolve(5);
      await answer;
      return other.cache.get('k');
    },
  },
];

export const races: readonly Race[] = [...fills, ...refills, ...updates, ...sourceRaces];
