import { byTag, everyKind, failing, invalidated, type LabelRace, type Three, threeProcesses, unseen } from './label-kinds.js';
import { lostLabelRaces } from './lost-label-races.js';
import { deferred, settled } from './simulated-process.js';

const copies = everyKind((kind, who) => [
  {
    name: `${kind.name} by ${who}: a copy in L1`,
    without: unseen(kind),
    expected: undefined,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      const cache = kind.view(three.reader.cache);
      await cache.set('k', 'old', { tags: kind.tags });
      await settled();
      await invalidated(three, kind, who);
      return cache.get('k');
    },
  },
]);

/** R7: what is invalidated while a load of it runs. */
const loads = everyKind((kind, who) => [
  {
    name: `R7: ${kind.name} by ${who} while the factory runs`,
    // A clear is seen by the load's ticket as well, by tag only what it will carry.
    without: { snapshot: 'after', generation: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      const factory = deferred<string>();
      const load = kind.view(three.reader.cache).getOrSet('k', () => factory.promise, { tags: kind.tags });
      await settled();
      await invalidated(three, kind, who);
      factory.resolve('old');
      await load;
      return kind.view(three.third.cache).get('k');
    },
  },
  ...(['request', 'reply'] as const).map(
    (phase): LabelRace => ({
      name: `R7: ${kind.name} by ${who} before the fill is ${phase === 'request' ? 'executed' : 'acknowledged'}`,
      without: unseen(kind),
      expected: undefined,
      async run(mechanisms) {
        const three = await threeProcesses(mechanisms);
        const cache = kind.view(three.reader.cache);
        const gate = three.reader.gates.hold('fill', phase);
        const load = cache.getOrSet('k', () => 'old', { tags: kind.tags });
        await gate.arrived;
        await invalidated(three, kind, who);
        gate.release();
        await load;
        return cache.get('k');
      },
    }),
  ),
  {
    name: `R7: a caller after ${kind.name} by ${who} would join the load from before it`,
    without: kind.tags.length > 0 ? { joining: 'any' } : { generation: 'off' },
    expected: 'new',
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      const cache = kind.view(three.reader.cache);
      const factory = deferred<string>();
      const first = cache.getOrSet('k', () => factory.promise, { tags: kind.tags });
      await settled();
      await invalidated(three, kind, who);
      const later = cache.getOrSet('k', () => 'new', { tags: kind.tags });
      await settled();
      factory.resolve('old');
      await first;
      return later;
    },
  },
]);

const others = everyKind((kind, who) => [
  {
    name: `${kind.name} by ${who} while the versions are read that a get needs`,
    without: kind.tags.length > 0 ? { versionFence: 'off' } : { generation: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      await kind.view(three.writer.cache).set('k', 'old', { tags: kind.tags });
      await settled();
      if (kind.tags.length > 0) await three.reader.cache.get('other');
      const cache = kind.view(three.reader.cache);
      const gate = three.reader.gates.hold('current', 'reply');
      const read = cache.get('k');
      await gate.arrived;
      await invalidated(three, kind, who);
      gate.release();
      await read;
      return cache.get('k');
    },
  },
  ...(['set', 'setMany'] as const).map(
    (call): LabelRace => ({
      name: `${kind.name} by ${who} while a ${call} is under way`,
      without: unseen(kind),
      expected: undefined,
      async run(mechanisms) {
        const three = await threeProcesses(mechanisms);
        const cache = kind.view(three.reader.cache);
        const gate = three.reader.gates.hold(call === 'set' ? 'write' : 'writeMany');
        const options = { tags: kind.tags };
        const written = call === 'set' ? cache.set('k', 'old', options) : cache.setMany([['k', 'old']], options);
        await gate.arrived;
        await invalidated(three, kind, who);
        gate.release();
        await written;
        return cache.get('k');
      },
    }),
  ),
  {
    name: `${kind.name} by ${who} leaves nothing that could stand in for a factory that fails`,
    without: { hard: 'stale', generation: 'off' },
    expected: 'failed',
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      await kind.view(three.reader.cache).set('k', 'old', { tags: kind.tags });
      await settled();
      await invalidated(three, kind, who);
      return failing(kind.view(three.third.cache));
    },
  },
]);

const soft = { soft: true };
const softly: readonly LabelRace[] = (
  [
    ['hard, after softly', [soft, {}]],
    ['softly, after hard', [{}, soft]],
    ['hard twice', [{}, {}]],
  ] as const
).map(([name, calls]) => ({
  name: `what is invalidated ${name} stands in for nothing`,
  without: { hard: 'stale' },
  expected: 'failed',
  async run(mechanisms) {
    const { reader, writer } = await threeProcesses(mechanisms);
    await reader.cache.set('k', 'old', { tags: ['t'] });
    for (const options of calls) await writer.cache.invalidateTags(['t'], options);
    await settled();
    return failing(reader.cache);
  },
}));

async function knownIn({ reader }: Three): Promise<void> {
  await reader.cache.set('other', 0, { tags: ['t'] });
  await settled();
}

const named: readonly LabelRace[] = [true, false].flatMap((isKnown) =>
  (['own', 'another'] as const).map((who) => ({
    name: `R7: a tag that the factory names, ${isKnown ? '' : 'not '}known before, is invalidated by ${who} and learnt again while it runs`,
    without: { named: 'late' as const },
    expected: undefined,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      if (isKnown) await knownIn(three);
      const factory = deferred<string>();
      const load = three.reader.cache.getOrSet('k', async ({ setOptions }) => {
        setOptions({ tags: ['t'] });
        return factory.promise;
      });
      await settled();
      await invalidated(three, byTag, who);
      await knownIn(three);
      factory.resolve('old');
      await load;
      return three.third.cache.get('k');
    },
  })),
);

export const labelRaces: readonly LabelRace[] = [...copies, ...loads, ...others, ...softly, ...named, ...lostLabelRaces];
