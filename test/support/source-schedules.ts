import type { SourcedCache, WritePolicy } from '../../src/cache.js';
import { ConnectionError } from '../../src/errors.js';
import type { Pass } from './gates.js';
import { settled, world } from './simulated-process.js';

export interface SourceProgram {
  readonly calls: readonly { readonly process: 0 | 1 | 2; readonly call: 'set' | 'get' | 'delete' | 'forget' }[];
  /** Which of the steps that wait comes next, or is lost if it is one of a store and `losses` says so. */
  readonly picks: readonly number[];
  readonly losses: readonly number[];
}

const key = 'k';
const lost = new ConnectionError('lost', { backend: 'shared', operation: 'any' });

/**
 * Runs the calls of three processes with one source, every step of L2 and of the source coming in the order that the picks say.
 * Resolves to what the source has at rest, what L2 has then, and how many calls, queued writes and names in journals are left.
 */
export async function runSourceProgram(
  { calls, picks, losses }: SourceProgram,
  write: Exclude<WritePolicy, 'none'>,
  lease: 'on' | 'off' = 'on',
): Promise<{ readonly source: string | undefined; readonly cached: unknown; readonly left: number }> {
  const waiting: { go: (error?: Error) => void; mayBeLost: boolean }[] = [];
  const stop = (mayBeLost: boolean) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ go: (error) => (error === undefined ? resolve() : reject(error)), mayBeLost });
    });
  let quiet = false;
  const pass: Pass = () => (quiet ? undefined : stop(true));
  const through = async <T>(step: () => T): Promise<T> => {
    if (!quiet) await stop(false);
    const answer = step();
    if (!quiet) await stop(false);
    return answer;
  };

  const w = world({ lease });
  let row: string | undefined = 'v0';
  const source = {
    load: () => through(() => row),
    save: (_: string, value: string) =>
      through(() => {
        row = value;
      }),
    remove: () =>
      through(() => {
        row = undefined;
      }),
  };
  const options = write === 'through' ? { write } : { write, delay: 5 };
  const processes = [0, 1, 2].map((index) => {
    const p = w.process(`p${index}`, { pass, defaults: { budget: 50 } });
    return { ...p, sourced: p.cache.withSource<string>(source, options) };
  });

  let version = 0;
  const todo = [...calls];
  const running = new Set<Promise<unknown>>();
  const begin = ({ process, call }: SourceProgram['calls'][number]) => {
    const p = processes[process] as { sourced: SourcedCache<string>; cache: (typeof processes)[0]['cache'] };
    version += 1;
    const answer =
      call === 'set'
        ? p.sourced.set(key, `v${version}`)
        : call === 'get'
          ? p.sourced.get(key)
          : call === 'delete'
            ? p.sourced.delete(key)
            : p.cache.delete(key);
    const ended = Promise.resolve(answer).catch(() => undefined);
    running.add(ended);
    void ended.finally(() => running.delete(ended));
  };

  const pending = () => processes.some(({ sourced }) => sourced.pending > 0);
  for (let turn = 0; turn < 2_000 && (todo.length > 0 || running.size > 0 || pending() || waiting.length > 0); turn += 1) {
    const pick = picks[turn % picks.length] ?? 0;
    if (todo.length > 0 && (waiting.length === 0 || pick % 3 === 0)) begin(todo.shift() as SourceProgram['calls'][number]);
    else if (waiting.length > 0) {
      const [step] = waiting.splice(pick % waiting.length, 1);
      step?.go(step.mayBeLost && losses.includes(turn) ? lost : undefined);
    } else w.clock.advance(2);
    await settled();
  }
  quiet = true;
  for (const { go } of waiting.splice(0)) go();
  const left = () => processes.reduce((sum, { sourced, core }) => sum + sourced.pending + core.journal.size, running.size);
  // What was lost is told again after a pause.
  for (let turn = 0; turn < 40 || (left() > 0 && turn < 2_000); turn += 1) {
    w.clock.advance(25);
    await settled();
  }
  return { source: row, cached: w.server.read(key)?.value, left: left() };
}
