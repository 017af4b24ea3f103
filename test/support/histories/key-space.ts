import type { Random } from './random.js';

export interface KeySpaceOptions {
  /** Keys in each of the three groups. Default 4. */
  readonly perGroup?: number;
  /** Keys that one process alone writes, for each process. Default 2. */
  readonly perSlot?: number;
  /** How much more often the first keys are used than the last (Zipf's exponent). Default 0: all alike. */
  readonly skew?: number;
}

export interface KeySpace {
  readonly all: readonly string[];
  inGroup(group: string): string[];
  /** Any key. */
  pick(random: Random): string;
  /** One that anybody may write the source of, to delete it from the cache. */
  pickDeleted(random: Random): string;
  /** One that this process alone writes, and puts what it wrote into the cache: two that do so race outside of any cache. */
  pickOwn(slot: number, random: Random): string;
}

/** The last of them is a namespace. Each is a tag too. */
export const groups = ['a', 'b', 'c'] as const;
const slots = [0, 1, 2, 3];

export function keySpace({ perGroup = 4, perSlot = 2, skew = 0 }: KeySpaceOptions = {}): KeySpace {
  const numbered = (count: number, names: readonly string[]) =>
    Array.from({ length: count }, (_, number) => names.map((name) => `${name}:${number}`)).flat();
  // The first of every group before the second of any, so that each has some of the keys that are used most.
  const deleted = numbered(perGroup, groups);
  const own = numbered(
    perSlot,
    slots.map((slot) => `set:${slot}`),
  );
  const all = [...deleted, ...own];
  const pickAny = picker(all, skew);
  const pickDeleted = picker(deleted, skew);
  const pickNumber = picker([...Array(perSlot).keys()], skew);
  return {
    all,
    inGroup: (group) => numbered(perGroup, [group]),
    pick: pickAny,
    pickDeleted,
    pickOwn: (slot, random) => `set:${slot}:${pickNumber(random)}`,
  };
}

function picker<T>(list: readonly T[], skew: number): (random: Random) => T {
  if (skew === 0) return (random) => random.pick(list);
  const weighed = list.map((item, rank) => ({ item, weight: 1 / (rank + 1) ** skew }));
  return (random) => random.weighed(weighed).item;
}
