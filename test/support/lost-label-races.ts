import type { TieredCache } from '../../src/cache.js';
import { invalidated, type Kind, kinds, type LabelRace, type Three, threeProcesses, unseen } from './label-kinds.js';
import { maxStaleness, pass, settled, type WorldProcess } from './simulated-process.js';

async function unheard(three: Three, kind: Kind, reader: WorldProcess, before?: () => Promise<unknown>): Promise<void> {
  reader.bus.cut();
  await before?.();
  await kind.invalidate(three.writer.cache);
  await settled();
}

const untrusted: readonly LabelRace[] = kinds.flatMap((kind): LabelRace[] => [
  ...(['while it is cut', 'when it stands again'] as const).map(
    (when): LabelRace => ({
      name: `R3: ${kind.name} is not heard, the bus being cut, and is read ${when}`,
      without: { trust: 'off' },
      expected: undefined,
      async run(mechanisms) {
        const three = await threeProcesses(mechanisms);
        const cache = kind.view(three.reader.cache);
        await cache.set('k', 'old', { tags: kind.tags });
        await settled();
        await unheard(three, kind, three.reader);
        if (when === 'when it stands again') three.reader.bus.connect();
        await settled();
        return cache.get('k');
      },
    }),
  ),
  {
    name: `R3: within maxStaleness it is noticed that the bus is deaf to ${kind.name}`,
    without: { trust: 'off' },
    expected: undefined,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      const cache = kind.view(three.reader.cache);
      await cache.set('k', 'old', { tags: kind.tags });
      await settled();
      three.reader.bus.deaf = true;
      await kind.invalidate(three.writer.cache);
      await pass(three.clock, maxStaleness, 100);
      return cache.get('k');
    },
  },
  {
    name: `R3: the versions were read before ${kind.name}, while nothing could be trusted`,
    without: { versionTrust: 'always' },
    expected: undefined,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      await kind.view(three.writer.cache).set('k', 'old', { tags: kind.tags });
      await settled();
      const cache = kind.view(three.reader.cache);
      three.reader.bus.cut();
      await cache.get('k');
      await unheard(three, kind, three.reader);
      three.reader.bus.connect();
      await settled();
      return cache.get('k');
    },
  },
  {
    name: `R3: the versions were read before ${kind.name}, by a process that has not heard anybody yet`,
    without: { versionTrust: 'always' },
    expected: undefined,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      await kind.view(three.writer.cache).set('k', 'old', { tags: kind.tags });
      await settled();
      const newcomer = three.join('newcomer');
      await unheard(three, kind, newcomer, () => kind.view(newcomer.cache).get('k'));
      newcomer.bus.connect();
      await settled();
      return kind.view(newcomer.cache).get('k');
    },
  },
  {
    name: `setIfAbsent, ${kind.name} being unheard, takes what was there for absent`,
    without: { versionTrust: 'always' },
    expected: true,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      const cache = kind.view(three.reader.cache);
      await cache.set('k', 'old', { tags: kind.tags });
      await settled();
      await unheard(three, kind, three.reader);
      return cache.setIfAbsent('k', 'new');
    },
  },
  {
    name: `of two that set if absent, one of which has not heard ${kind.name}, one is the first`,
    without: { versionTrust: 'always' },
    expected: false,
    async run(mechanisms) {
      const three = await threeProcesses(mechanisms);
      const cache = kind.view(three.reader.cache);
      await cache.set('other', 'old', { tags: kind.tags });
      await settled();
      await unheard(three, kind, three.reader);
      await cache.setIfAbsent('k', 'first', { tags: kind.tags });
      return kind.view(three.third.cache).setIfAbsent('k', 'second', { tags: kind.tags });
    },
  },
]);

const lost: readonly LabelRace[] = [
  ...kinds.map(
    (kind): LabelRace => ({
      name: `R9: the version of ${kind.name} is lost, and made anew`,
      without: { version: 'counted' },
      expected: undefined,
      async run(mechanisms) {
        const { server, writer, third } = await threeProcesses(mechanisms);
        await kind.view(writer.cache).set('k', 'old', { tags: kind.tags });
        server.versions.clear();
        // Who has heard of none, and who has.
        const fresh = await kind.view(third.cache).get('k');
        await settled();
        return fresh ?? kind.view(writer.cache).get('k');
      },
    }),
  ),
  {
    name: 'R9: who makes it anew tells the others, so that what they write counts',
    without: { making: 'silent' },
    expected: 'new',
    async run(mechanisms) {
      const { server, reader, writer, third } = await threeProcesses(mechanisms);
      await writer.cache.set('k', 'old', { tags: ['t'] });
      server.versions.clear();
      await third.cache.get('k');
      await settled();
      await writer.cache.set('k', 'new', { tags: ['t'] });
      await settled();
      return reader.cache.get('k');
    },
  },
  ...kinds.map(
    (kind): LabelRace => ({
      name: `an entry that is newer than the version known here is served, not missed: ${kind.name}`,
      without: { mismatch: 'gone' },
      expected: 'new',
      async run(mechanisms) {
        const { reader, writer } = await threeProcesses(mechanisms);
        const cache = kind.view(reader.cache);
        await cache.set('other', 0, { tags: kind.tags });
        await settled();
        const message = reader.gates.hold('message', 'reply');
        await kind.invalidate(writer.cache);
        await kind.view(writer.cache).set('k', 'new', { tags: kind.tags });
        const read = await cache.get('k');
        message.release();
        return read;
      },
    }),
  ),
];

const firsts: readonly LabelRace[] = kinds.flatMap((kind) =>
  (['own', 'another'] as const).flatMap((who): LabelRace[] => {
    const race = (name: string, expected: unknown, call: (cache: TieredCache) => Promise<unknown>): LabelRace => ({
      name: `${name} after ${kind.name} by ${who} takes what was there for absent`,
      without: { standing: 'any' },
      expected,
      async run(mechanisms) {
        const three = await threeProcesses(mechanisms);
        await kind.view(three.writer.cache).set('k', 5, { tags: kind.tags });
        await settled();
        await invalidated(three, kind, who);
        return call(kind.view(three.reader.cache));
      },
    });
    return [
      race('setIfAbsent', true, (cache) => cache.setIfAbsent('k', 'new')),
      race('increment', 1, (cache) => cache.increment('k')),
      race('expire', false, (cache) => cache.expire('k', '1h')),
    ];
  }),
);

const outages: readonly LabelRace[] = kinds.map((kind) => ({
  name: `${kind.name} holds in its own process at once, L2 being away`,
  without: unseen(kind),
  expected: undefined,
  async run(mechanisms) {
    const { reader } = await threeProcesses(mechanisms);
    const cache = kind.view(reader.cache);
    await cache.set('k', 'old', { tags: kind.tags });
    reader.l2.down = true;
    await kind.invalidate(reader.cache);
    return cache.get('k');
  },
}));

/** News of tags and clears that did not come, versions that L2 lost, and what asks L2 whether an entry is there. */
export const lostLabelRaces: readonly LabelRace[] = [...untrusted, ...lost, ...firsts, ...outages];
