import type { TieredCache } from 'tierkeep';
import type { Load } from './load.js';
import type { Subject } from './subject.js';

/**
 * What is changed at one moment of a fault and must stay changed: each kind of change, on a few keys, which in a Cluster belong to
 * several masters.
 */
export interface Promises {
  /** Puts down what is to be changed. */
  prepare(): Promise<void>;
  /** Reads it all, so that it is in the reader's memory. */
  readBy(cache: TieredCache): Promise<void>;
  /** Changes it. Resolves when all calls have settled. */
  change(load: Load): Promise<void>;
  /** The kinds of change of which this cache still sees what was before. */
  forgotten(cache: TieredCache): Promise<string[]>;
}

const each = [0, 1, 2, 3];
const before = 'before the change';

export function promisesOf({ cache, mark }: Subject, moment: string): Promises {
  const name = `${mark}-${moment.replace(' ', '-')}`;
  const tag = `${name}-tag`;
  const keysOf = (kind: string) => each.map((index) => `${mark}:${moment}:${kind}:${index}`);
  const plain = [...keysOf('deleted'), ...keysOf('set'), ...keysOf('tagged')];
  const inSpace = each.map((index) => `cleared:${index}`);

  return {
    async prepare() {
      const space = cache.namespace(name);
      await Promise.all([
        ...[...keysOf('deleted'), ...keysOf('set')].map((key) => cache.set(key, before)),
        ...keysOf('tagged').map((key) => cache.set(key, before, { tags: [tag] })),
        ...inSpace.map((key) => space.set(key, before)),
      ]);
    },
    async readBy(reader) {
      await Promise.all([reader.getMany(plain), reader.namespace(name).getMany(inSpace)]);
    },
    async change({ note }) {
      await Promise.all([
        ...keysOf('deleted').map((key) => note('delete', (c) => c.delete(key))),
        ...keysOf('set').map((key) => note('set', (c) => c.set(key, 'after the change'))),
        note('invalidateTags', (c) => c.invalidateTags([tag])),
        note('clear', (c) => c.namespace(name).clear()),
      ]);
    },
    async forgotten(reader) {
      // Each kind by itself: where the version of one entry's tag cannot be had, none of the batch is judged.
      const seen = async (kind: string, found: Promise<Map<string, unknown>>) =>
        [...(await found).values()].includes(before) ? [`${moment} the fault: ${kind}`] : [];
      const kinds = ['deleted', 'set', 'tagged'].map((kind) => seen(kind, reader.getMany(keysOf(kind))));
      return (await Promise.all([...kinds, seen('cleared', reader.namespace(name).getMany(inSpace))])).flat();
    },
  };
}
