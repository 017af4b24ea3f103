import { BackendError } from '../errors.js';
import type { Terms } from './call-options.js';
import { type Away, away, type Core, noteFailure, throughGate } from './core.js';
import { allBut, type Intent, onlyOf } from './intent.js';

/**
 * Has L2 change something that is in force here whether L2 can do it or not. What it has not acknowledged goes into the journal, which sends
 * it again until it has; but for a caller who wants to know of an outage: he is told, and it is his to do again.
 */
export async function change<T>(
  core: Core,
  { outage }: Terms,
  operation: string,
  intent: Intent,
  run: () => Promise<T>,
): Promise<T | Away> {
  const { journal, underWay } = core;
  const before = journal.generation;
  underWay.begin();
  try {
    const answer = await throughGate(core, operation, run);
    journal.acknowledged(intent, before);
    return answer;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    noteFailure(core, operation, error);
    const done = allBut(intent, error.failedKeys);
    if (done !== undefined) journal.acknowledged(done, before);
    if (outage === 'throw') throw error;
    journal.note(onlyOf(intent, error.failedKeys), before);
    return away;
  } finally {
    underWay.end();
  }
}
