import { beforeAll, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/cache.js';
import { ConfigError } from '../../src/errors.js';
import {
  type ConformanceCase,
  conformanceCases,
  runCase,
  runConformance,
  type SkippedCase,
  taggedConformanceCases,
} from '../../src/testing/index.js';
import { mutants } from './mutants.js';
import { ReferenceCache } from './reference-cache.js';
import { tagMutants } from './tag-mutants.js';
import { TaggedReferenceCache } from './tagged-reference-cache.js';

function makerOf(Cache: typeof ReferenceCache) {
  const backend = new Map<string, Map<string, Entry>>();
  return (name: string) => new Cache(backend, name);
}

describe('a plain cache over a Map', () => {
  runConformance({ describe, it, newCache: makerOf(ReferenceCache) });
});

describe('a plain cache with tags', () => {
  runConformance({ describe, it, newCache: makerOf(TaggedReferenceCache), tags: true });
});

const allCases = [...conformanceCases, ...taggedConformanceCases];
const allMutants = [...mutants, ...tagMutants];

describe('the suite notices that', () => {
  let passes: Map<object, boolean>;

  // All at once, since some mistakes only show when a wait is over.
  beforeAll(async () => {
    const ran = allMutants.map(async (one): Promise<[object, boolean]> => {
      const kept = allCases.find(({ name }) => name === one.noticedBy) as ConformanceCase;
      return [one, await runCase(kept, makerOf(one.Cache)).then(() => true, () => false)]; // biome-ignore format: short
    });
    passes = new Map(await Promise.all(ran));
  });

  // The same case passes on the reference itself, above.
  it.each(allMutants)('$mistake', (one) => {
    expect(allCases.map(({ name }) => name)).toContain(one.noticedBy);
    expect(passes.get(one)).toBe(false);
  });
});

describe('runConformance', () => {
  /** What a runner would be told, and what each test comes to. */
  async function outcomes(skip: readonly SkippedCase[], newCache = makerOf(ReferenceCache)): Promise<Map<string, string>> {
    const tests = new Map<string, () => Promise<void>>();
    runConformance({ describe: (_, define) => define(), it: (name, run) => tests.set(name, run), newCache, skip });
    const results = await Promise.all(
      Array.from(tests, async ([name, run]): Promise<[string, string]> => [name, await run().then(() => 'passed', (error) => String(error.message))]), // biome-ignore format: one list
    );
    return new Map(results);
  }

  it('defines a test for every case, each with a name of its own', async () => {
    const names = [...(await outcomes([])).keys()];
    expect(names).toEqual(['is kept but for what is explained', ...conformanceCases.map(({ name }) => name)]);
    expect(new Set(names).size).toBe(names.length);
    expect(conformanceCases.length).toBeGreaterThanOrEqual(60);
  });

  it('asks of tags only where there are to be some, and fails where they are missing', async () => {
    const run = taggedConformanceCases[0] as ConformanceCase;
    expect((await outcomes([])).has(run.name)).toBe(false);
    await expect(runCase(run, makerOf(ReferenceCache))).rejects.toThrow('no invalidateTags()');
    const names = allCases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('leaves out a case with a reason', async () => {
    const results = await outcomes([{ name: 'ping says how long a round trip took', reason: 'it has no round trips' }]);
    expect(results.has('ping says how long a round trip took')).toBe(false);
    expect(new Set(results.values())).toEqual(new Set(['passed']));
  });

  it('fails for a skip of unknown name, and for one without a reason', async () => {
    const explained = 'is kept but for what is explained';
    expect((await outcomes([{ name: 'no such case', reason: 'none' }])).get(explained)).toContain("no case 'no such case'");
    const unreasoned = { name: 'clear removes everything', reason: ' ' };
    expect((await outcomes([unreasoned])).get(explained)).toBe("'clear removes everything' is skipped without a reason.");
  });

  it('gives every case a name of its own and closes what it opened, also after a failure', async () => {
    const made = new Map<string, ReferenceCache>();
    const maker = makerOf(ReferenceCache);
    const failing: ConformanceCase = {
      name: 'fails',
      run: async ({ name, another }) => {
        await another(`${name}-b`);
        throw new ConfigError('as it should');
      },
    };
    const newCache = (name: string) => {
      const cache = maker(name);
      made.set(name, cache);
      return cache;
    };
    await expect(runCase(failing, newCache)).rejects.toThrow('as it should');
    await expect(runCase(failing, newCache)).rejects.toThrow('as it should');
    expect(made.size).toBe(4);
    for (const [name, cache] of made) {
      expect(name).toMatch(/^[\w-]{1,64}$/);
      await expect(cache.get('k')).rejects.toThrow('closed');
    }
  });
});
