import type { TieredCache } from '../../src/cache.js';
import { changeProcess, changeServer, type LabelMechanisms } from './label-mechanisms.js';
import { settled, world } from './simulated-process.js';

/** A race of tags or of clear, won unless the mechanism in question is taken away. Resolves to what is read afterwards. */
export interface LabelRace {
  readonly name: string;
  readonly without: Mechanisms;
  readonly expected: unknown;
  run(mechanisms: Mechanisms): Promise<unknown>;
}

export interface Mechanisms extends LabelMechanisms {
  readonly trust?: 'on' | 'off';
}

/** `reader` and `writer` hear each other, `third` hears them too and begins with an empty L1, and so does whoever joins. */
export async function threeProcesses(mechanisms: Mechanisms = {}) {
  const w = world();
  changeServer(mechanisms, w.server);
  const join = (name: string) => {
    const process = w.process(name, { bus: 'on', trust: mechanisms.trust, defaults: { grace: 60_000 } });
    changeProcess(mechanisms, process, w.server);
    return process;
  };
  const [reader, writer, third] = [join('reader'), join('writer'), join('third')];
  await settled();
  return { ...w, reader, writer, third, join };
}

export type Three = Awaited<ReturnType<typeof threeProcesses>>;
export type Who = 'own' | 'another';

/** How the entries of a kind are made, and what invalidates them. `n` is a namespace, `n.m` one within it. */
export interface Kind {
  readonly name: string;
  readonly tags: readonly string[];
  view(cache: TieredCache): TieredCache;
  invalidate(cache: TieredCache): Promise<unknown>;
}

const whole = (cache: TieredCache) => cache;
const inN = (cache: TieredCache) => cache.namespace('n');
const inM = (cache: TieredCache) => cache.namespace('n').namespace('m');
export const byTag: Kind = {
  name: 'invalidateTags',
  tags: ['t'],
  view: whole,
  invalidate: (cache) => cache.invalidateTags(['t']),
};
const clears: readonly Kind[] = [
  { name: 'clear', tags: [], view: whole, invalidate: (cache) => cache.clear() },
  { name: 'clear of its namespace', tags: [], view: inN, invalidate: (cache) => inN(cache).clear() },
  { name: 'clear of the whole cache, it in a namespace', tags: [], view: inN, invalidate: (cache) => cache.clear() },
  { name: 'clear of the outer namespace', tags: [], view: inM, invalidate: (cache) => inN(cache).clear() },
];
export const kinds = [byTag, ...clears];

const invalidator = ({ reader, writer }: Three, who: Who) => (who === 'own' ? reader : writer).cache;

/** What the reader holds until it was told is the one thing; that it tells entries apart at all is the other. */
export const unseen = ({ tags }: Kind): Mechanisms => (tags.length > 0 ? { tagsOfCopies: 'off' } : { generation: 'off' });

export const everyKind = (make: (kind: Kind, who: Who) => LabelRace[]): LabelRace[] =>
  kinds.flatMap((kind) => (['own', 'another'] as const).flatMap((who) => make(kind, who)));

export async function invalidated(three: Three, kind: Kind, who: Who): Promise<void> {
  await kind.invalidate(invalidator(three, who));
  await settled();
}

/** What a load gives whose factory fails. */
export function failing(cache: TieredCache): Promise<unknown> {
  const load = cache.getOrSet('k', () => {
    throw new Error('the source is away');
  });
  return load.catch(() => 'failed');
}
