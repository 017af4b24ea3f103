import type { TieredCache } from 'tierkeep';
import { factoryMs } from './settings.js';
import type { Subject } from './subject.js';

/** One call, as its caller saw it. */
export interface Call {
  readonly operation: string;
  readonly began: number;
  readonly ms: number;
  /** What this process computed meanwhile, ms; a budget does not count it (docs/guarantees.md, G4). */
  readonly busyMs: number;
  /** It rejected, or resolved to something that nobody stored. */
  readonly error?: string;
}

export const hotKeys = 8;
export const hotKey = ({ mark }: Subject, index: number) => `${mark}:hot:${index}`;
export const hotValue = 'hot';

const everyMs = 10;

export interface Load {
  /** Also for what others call. */
  readonly calls: Call[];
  /** Runs and notes one call. */
  note(operation: string, run: (cache: TieredCache) => Promise<unknown>): Promise<void>;
  /** No more calls; resolves when those under way have settled. */
  stop(): Promise<void>;
}

/** A hundred calls a second of every kind. */
export function startLoad(subject: Subject): Load {
  const { cache } = subject;
  const calls: Call[] = [];
  const underWay = new Set<Promise<void>>();
  let turn = 0;

  async function measure(operation: string, run: (cache: TieredCache) => Promise<unknown>): Promise<void> {
    const began = performance.now();
    const busyBefore = performance.eventLoopUtilization().active;
    const error = await run(cache).then(
      () => undefined,
      (reason: unknown) => `${operation}: ${String(reason)}`,
    );
    const ms = performance.now() - began;
    const busyMs = performance.eventLoopUtilization().active - busyBefore;
    calls.push({ operation, began, ms, busyMs, ...(error !== undefined && { error }) });
  }
  function note(operation: string, run: (cache: TieredCache) => Promise<unknown>): Promise<void> {
    const measured = measure(operation, run);
    underWay.add(measured);
    return measured.finally(() => underWay.delete(measured));
  }
  const timer = setInterval(() => {
    const [operation, run] = nextCall(subject, turn++);
    void note(operation, run);
  }, everyMs);

  return {
    calls,
    note,
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

type Run = (cache: TieredCache) => Promise<unknown>;

function nextCall(subject: Subject, turn: number): readonly [string, Run] {
  const { mark } = subject;
  const tag = `${mark}-busy`;
  const cold = `${mark}:cold:${turn}`;
  const own = `${mark}:own:${turn % 40}`;
  switch (turn % 10) {
    case 0:
    case 5:
      return ['getOrSet hot', gives(hotValue, (cache) => cache.getOrSet(hotKey(subject, turn % hotKeys), made(hotValue)))];
    case 1:
    case 6:
      return ['getOrSet cold', gives(cold, (cache) => cache.getOrSet(cold, made(cold), { tags: [tag] }))];
    case 2:
      return ['get', (cache) => cache.get(own)];
    case 3:
    case 8:
      return ['set', (cache) => cache.set(own, turn)];
    case 4:
      return ['get', (cache) => cache.get(`${mark}:cold:${turn - 8}`)];
    case 7:
      return ['delete', (cache) => cache.delete(`${mark}:own:${(turn + 1) % 40}`)];
    default:
      if (turn % 20 === 9) return ['invalidateTags', (cache) => cache.invalidateTags([tag])];
      return ['clear', (cache) => cache.namespace(`${mark}-busy`).clear()];
  }
}

const made = (value: string) => () => new Promise<string>((resolve) => setTimeout(resolve, factoryMs, value));

function gives(value: string, run: Run): Run {
  return async (cache) => {
    const answer = await run(cache);
    if (answer !== value) throw new Error(`gave ${JSON.stringify(answer)} instead of ${JSON.stringify(value)}`);
  };
}
