/** Numbers from a seed (mulberry32), the same in every process that has it. */
export interface Random {
  /** A whole number from 0 up, less than `end`. */
  below(end: number): number;
  pick<T>(list: readonly T[]): T;
  /** Picks by weight. */
  weighed<T extends { readonly weight: number }>(list: readonly T[]): T;
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    pick: (list) => list[below(list.length)] as (typeof list)[number],
    weighed(list) {
      let left = next() * list.reduce((sum, { weight }) => sum + weight, 0);
      for (const each of list) {
        left -= each.weight;
        if (left < 0) return each;
      }
      return list.at(-1) as (typeof list)[number];
    },
  };
}
