import type { TieredCache } from '../../src/cache.js';
import { byTag, kinds } from './label-kinds.js';
import { type JournalRace, ownAndOther, told } from './own-and-other.js';
import { settled } from './simulated-process.js';

export const failOverRaces: readonly JournalRace[] = [
  ...(
    [
      ['delete', (cache) => cache.delete('k')],
      ['deleteMany', (cache) => cache.deleteMany(['k', 'j'])],
      ['deletePattern', (cache) => cache.deletePattern('k*')],
      ['delete, soft', (cache) => cache.delete('k', { soft: true })],
      ['set', (cache) => cache.set('k', 'new')],
      ['setMany', (cache) => cache.setMany([['k', 'new']])],
    ] as const satisfies readonly (readonly [string, (cache: TieredCache) => Promise<unknown>])[]
  ).map(
    ([name, change]): JournalRace => ({
      name: `${name} that the new master has not`,
      without: { recall: 'off' },
      expected: undefined,
      async run(mechanisms) {
        const both = await ownAndOther(mechanisms);
        const { own, other, server } = both;
        await other.cache.set('k', 'old');
        const failOver = server.replica();
        await change(own.cache);
        failOver();
        await told(both);
        const read = await other.cache.get('k');
        return read === 'new' ? undefined : read;
      },
    }),
  ),
  ...kinds.map(
    (kind): JournalRace => ({
      name: `${kind.name} that the new master has not`,
      without: { recall: 'off' },
      expected: undefined,
      async run(mechanisms) {
        const both = await ownAndOther(mechanisms);
        const { own, other, server } = both;
        await kind.view(other.cache).set('k', 'old', { tags: kind.tags });
        await settled();
        const failOver = server.replica();
        await kind.invalidate(own.cache);
        await settled();
        failOver();
        await told(both);
        const read = await kind.view(other.cache).get('k');
        await kind.view(other.cache).set('k', 'new', { tags: kind.tags });
        return (await kind.view(own.cache).get('k')) === 'new' ? read : 'nothing can be written';
      },
    }),
  ),
  {
    name: 'a read by the same process, before the new master is told what it has not',
    without: { recall: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const { own, other, server } = await ownAndOther(mechanisms);
      await other.cache.set('k', 'old', { tags: byTag.tags });
      await settled();
      const failOver = server.replica();
      await own.cache.delete('k');
      failOver();
      return own.cache.get('k');
    },
  },
  {
    name: 'a delete that the old master answers when the new one serves already',
    without: { generations: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const both = await ownAndOther(mechanisms);
      const { own, other, server } = both;
      await other.cache.set('k', 'old');
      const failOver = server.replica();
      const gate = own.gates.hold('remove', 'reply');
      const deleted = own.cache.delete('k');
      await gate.arrived;
      failOver();
      gate.release();
      await deleted;
      await told(both);
      return other.cache.get('k');
    },
  },
];
