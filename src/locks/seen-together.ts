import type { LockState } from '../lock.js';

/**
 * Who has the lock by what several nodes say: whoever has a majority. A node outside that majority may have given it to somebody else, or to the same
 * one only provisionally, for a moment and under another fence.
 */
export function together(states: readonly LockState[], majority: number): LockState {
  const waiting = Math.max(...states.map((state) => state.waiting));
  const byHolder = (holder: string | undefined) => states.filter((state) => state.holder === holder);
  const winner = states.find(({ holder }) => byHolder(holder).length >= majority)?.holder;
  if (winner === undefined) return { ttl: 0, waiting };
  const lives = byHolder(winner)
    .map(({ ttl }) => ttl)
    .sort(descending);
  const fences = byHolder(winner)
    .map(({ fencingToken = 0 }) => fencingToken)
    .sort(descending);
  return {
    holder: winner,
    fencingToken: fences[Math.floor(fences.length / 2)] ?? 0,
    ttl: lives[majority - 1] ?? 0,
    waiting,
  };
}

function descending(a: number, b: number): number {
  return b - a;
}
