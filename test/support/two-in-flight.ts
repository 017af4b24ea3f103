import type { TieredCache } from '../../src/cache.js';
import type { Gates, Held, Phase } from './gates.js';

/** A call that writes to L2, or reads what may be written, by one operation that a gate can hold. */
export interface Caller {
  readonly name: string;
  readonly operation: string;
  run(cache: TieredCache): Promise<unknown>;
}

const writers: readonly Caller[] = [
  { name: 'set', operation: 'write', run: (cache) => cache.set('k', 100) },
  { name: 'setMany', operation: 'writeMany', run: (cache) => cache.setMany([['k', 200]]) },
  { name: 'setIfAbsent', operation: 'writeIfAbsent', run: (cache) => cache.setIfAbsent('k', 300) },
  { name: 'increment', operation: 'increment', run: (cache) => cache.increment('k') },
  { name: 'expire', operation: 'expire', run: (cache) => cache.expire('k', '1m') },
  { name: 'delete', operation: 'remove', run: (cache) => cache.delete('k') },
  { name: 'deleteMany', operation: 'removeMany', run: (cache) => cache.deleteMany(['k', 'j']) },
  { name: 'fill', operation: 'fill', run: (cache) => cache.getOrSet('k', () => 400, { forceFresh: true }) },
];

const readers: readonly Caller[] = [
  { name: 'get', operation: 'read', run: (cache) => cache.get('k') },
  { name: 'getMany', operation: 'readMany', run: (cache) => cache.getMany(['k', 'j']) },
];

export interface Pair {
  readonly first: Caller;
  readonly second: Caller;
}

/** Two loads of one key are one flight, so fill and fill is no pair; two readers change nothing. */
export const pairs: readonly Pair[] = [...writers, ...readers].flatMap((first) =>
  [...writers, ...readers].flatMap((second) => {
    const meaningless =
      (first.name === 'fill' && second.name === 'fill') || [first, second].every((call) => readers.includes(call));
    return meaningless ? [] : [{ first, second }];
  }),
);

type Order = readonly (readonly [which: 'first' | 'second', phase: Phase])[];

/** Every way in which two requests and their replies can follow each other. */
export const orders: readonly Order[] = interleavings(
  [
    ['first', 'request'],
    ['first', 'reply'],
  ],
  [
    ['second', 'request'],
    ['second', 'reply'],
  ],
);

function interleavings(left: Order, right: Order): Order[] {
  const [a, ...as] = left;
  const [b, ...bs] = right;
  if (a === undefined) return [right];
  if (b === undefined) return [left];
  return [
    ...interleavings(as, right).map((rest): Order => [a, ...rest]),
    ...interleavings(left, bs).map((rest): Order => [b, ...rest]),
  ];
}

/** Runs both calls in one process, their requests executed and their replies delivered in the given order. */
export async function runInOrder({ first, second }: Pair, order: Order, cache: TieredCache, gates: Gates): Promise<void> {
  const calls = { first: await stopped(first, cache, gates), second: await stopped(second, cache, gates) };
  for (const [which, phase] of order) {
    const { request, answer } = calls[which];
    if (phase === 'request') {
      // A gate stops the next call that comes to it, so it is closed no sooner than the one it is meant for.
      calls[which].reply = gates.hold(which === 'first' ? first.operation : second.operation, 'reply');
      request.release();
      await calls[which].reply?.arrived;
    } else {
      calls[which].reply?.release();
      await answer;
    }
  }
}

interface Stopped {
  readonly answer: Promise<unknown>;
  readonly request: Held;
  reply: Held | undefined;
}

async function stopped({ operation, run }: Caller, cache: TieredCache, gates: Gates): Promise<Stopped> {
  const request = gates.hold(operation, 'request');
  const answer = run(cache);
  await request.arrived;
  return { answer, request, reply: undefined };
}
