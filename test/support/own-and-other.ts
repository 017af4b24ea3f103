import type { TieredCache } from '../../src/cache.js';
import { ConnectionError } from '../../src/errors.js';
import type { Phase } from './gates.js';
import { changeJournal, type JournalMechanisms } from './journal-mechanisms.js';
import { type ProcessOptions, pass, settled, type WorldProcess, world } from './simulated-process.js';

/** A race about what L2 may not know of, won unless the mechanism in question is taken away. Resolves to what is read afterwards. */
export interface JournalRace {
  readonly name: string;
  readonly without: JournalMechanisms;
  readonly expected: unknown;
  run(mechanisms: JournalMechanisms): Promise<unknown>;
}

/** Two processes that hear each other. The mechanisms are those of `own`. */
export async function ownAndOther(mechanisms: JournalMechanisms = {}, options: ProcessOptions = {}) {
  const w = world();
  const own = w.process('own', { ...options, bus: 'on' });
  const other = w.process('other', { bus: 'on' });
  changeJournal(mechanisms, own);
  await settled();
  return { ...w, own, other };
}

/** The request never arrives, or the reply never does. */
export async function lost<T>({ gates }: WorldProcess, operation: string, phase: Phase, call: () => Promise<T>): Promise<T> {
  const gate = gates.hold(operation, phase);
  const answer = call();
  await gate.arrived;
  gate.fail(new ConnectionError('cut', { backend: 'shared', operation }));
  return answer;
}

export const loses = (process: WorldProcess, call: (cache: TieredCache) => Promise<unknown>, operation = 'remove') =>
  lost(process, operation, 'request', () => call(process.cache));

/** Long enough for all that is in a journal to be told. */
export const told = async ({ clock }: Awaited<ReturnType<typeof ownAndOther>>) => {
  await pass(clock, 500, 10);
};
