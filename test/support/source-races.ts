import type { WritableSource } from '../../src/cache.js';
import type { Race } from './races.js';
import { deferred, pass, settled, simulatedProcess, world } from './simulated-process.js';

/** A system of record in plain sight. What is in it is there as soon as it is asked for. */
export function recordOf(
  initial: Record<string, string> = {},
): WritableSource<string> & { readonly rows: Map<string, string> } {
  const rows = new Map(Object.entries(initial));
  return {
    rows,
    load: (key) => rows.get(key),
    save: (key, value) => void rows.set(key, value),
    remove: (key) => void rows.delete(key),
  };
}

const through = { write: 'through' } as const;

/** What is written through the cache, against what else happens to the key. What is read afterwards is what is cached, not what the source has. */
export const sourceRaces: readonly Race[] = [
  {
    name: 'R10: two writers, the later of which the source heard while the earlier had yet to fill',
    needs: 'lease',
    expected: undefined,
    async run({ fence = 'on', lease = 'on' }) {
      const { process, clock } = world({ lease });
      const source = recordOf();
      const [one, other] = [process('one', { fence }), process('other', { fence })];
      const gate = one.gates.hold('fill');
      const first = one.cache.withSource(source, through).set('k', 'first');
      await gate.arrived;
      const second = other.cache.withSource(source, through).set('k', 'second', { budget: 20 });
      await pass(clock, 60);
      await second;
      gate.release();
      await first;
      return process('third').cache.get('k');
    },
  },
  {
    name: 'R10: a loader that read the source before it was written fills after that',
    needs: 'lease',
    expected: undefined,
    async run({ fence = 'on', lease = 'on' }) {
      const { process, clock } = world({ lease });
      const [loader, writer] = [process('loader', { fence }), process('writer', { fence })];
      const read = deferred<string>();
      const answer = loader.cache.getOrSet('k', () => read.promise);
      await settled();
      const written = writer.cache.withSource(recordOf(), through).set('k', 'new', { budget: 20 });
      await pass(clock, 60);
      await written;
      read.resolve('old');
      await answer;
      return process('third').cache.get('k');
    },
  },
  {
    name: 'R10: in memory alone a load that read the source before it was written ends after that',
    needs: 'fence',
    expected: 'new',
    async run({ fence = 'on' }) {
      const { cache } = simulatedProcess(world().clock, undefined, { fence });
      const read = deferred<string>();
      const answer = cache.getOrSet('k', () => read.promise);
      await settled();
      await cache.withSource(recordOf(), through).set('k', 'new');
      read.resolve('old');
      await answer;
      return cache.get('k');
    },
  },
  {
    name: 'R10: in memory alone two writers are answered in the other order than the source heard them',
    needs: 'fence',
    expected: undefined,
    async run({ fence = 'on' }) {
      const { cache } = simulatedProcess(world().clock, undefined, { fence });
      const answers = { first: deferred(), second: deferred() };
      const save = (_: string, value: 'first' | 'second') => answers[value].promise;
      const written = cache.withSource<'first' | 'second'>({ load: () => undefined, save }, through);
      const [first, second] = [written.set('k', 'first'), written.set('k', 'second')];
      await settled();
      answers.second.resolve();
      await second;
      answers.first.resolve();
      await first;
      return cache.get('k');
    },
  },
];
